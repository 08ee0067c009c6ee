"""The mails a sink has accepted: kept in memory, and as ``.eml`` files if there is a directory for them."""

import email.policy
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    number: int
    name: str
    kind: str
    data: bytes


@dataclass(frozen=True)
class Mail:
    """One accepted mail: its envelope, when it came, and its bytes as they were sent."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    data: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        """The parsed mail; broken ones are parsed as far as they go."""
        return message_from_bytes(self.data, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The subject, or a word for its absence."""
        return self._header("subject") or "(no subject)"

    @property
    def message_id(self) -> str:
        """The Message-ID, or nothing."""
        return self._header("message-id")

    @property
    def shown_sender(self) -> str:
        """Who it says it is from."""
        return self._header("from") or self.sender

    @property
    def text(self) -> str:
        """The plain text body."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML body, as it was sent."""
        return self._body("html")

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files that came with it, in order, numbered from 1."""
        return tuple(
            Attachment(
                number,
                part.get_filename() or f"attachment-{number}",
                part.get_content_type(),
                bytes(part.get_payload(decode=True) or b""),
            )
            for number, part in enumerate(self.message.iter_attachments(), start=1)
        )

    def as_json(self) -> dict[str, object]:
        """What a program wants to know."""
        return {
            "number": self.number,
            "message_id": self.message_id,
            "from": self.shown_sender,
            "to": [address for _, address in getaddresses([self._header("to")])],
            "envelope": {"from": self.sender, "to": list(self.recipients)},
            "subject": self.subject,
            "received_at": self.received_at.isoformat().replace("+00:00", "Z"),
            "size": len(self.data),
            "headers": {name: str(value) for name, value in self.message.items()},
            "text": self.text,
            "html": bool(self.html),
            "attachments": [
                {
                    "number": one.number,
                    "name": one.name,
                    "type": one.kind,
                    "size": len(one.data),
                    "sha256": hashlib.sha256(one.data).hexdigest(),
                }
                for one in self.attachments
            ],
        }

    def _header(self, name: str) -> str:
        return " ".join(str(self.message.get(name, "")).split())

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        if part is None:
            return ""
        raw = bytes(part.get_payload(decode=True) or b"")
        try:
            return raw.decode(part.get_content_charset() or "utf-8", "replace")
        except LookupError:
            return raw.decode("utf-8", "replace")


class Mailbox:
    """Mails in order of arrival, numbered from 1. With a directory, what was there before is read again."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._mails: list[Mail] = []
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._mails = [read(path) for path in sorted(directory.glob("[0-9]*.eml"))]

    def keep(self, sender: str, recipients: tuple[str, ...], data: bytes) -> Mail:
        """Keep a mail; on return it is on disk, if there is one."""
        number = self._mails[-1].number + 1 if self._mails else 1
        mail = Mail(number, sender, recipients, datetime.now(UTC), data)
        if self._directory is not None:
            fresh = self._directory / f".{number:06}.part"
            fresh.write_bytes(written(mail))
            fresh.rename(self._directory / f"{number:06}.eml")
        self._mails.append(mail)
        return mail

    def newest_first(self) -> list[Mail]:
        """Every mail."""
        return self._mails[::-1]

    def find(self, number: int) -> Mail | None:
        """The mail of that number."""
        return next((mail for mail in self._mails if mail.number == number), None)

    def clear(self) -> None:
        """Throw every mail away, files too."""
        if self._directory is not None:
            for path in self._directory.glob("[0-9]*.eml"):
                path.unlink()
        self._mails.clear()


def written(mail: Mail) -> bytes:
    """The mail as a file: the lines that a delivering server puts on top, then the bytes as sent."""
    trace = (
        f"Return-Path: <{mail.sender}>\r\n"
        f"Delivered-To: {', '.join(mail.recipients)}\r\n"
        f"Received: by mail-sink.sandbox; {format_datetime(mail.received_at)}\r\n"
    )
    return trace.encode("utf-8", "surrogateescape") + mail.data


def read(path: Path) -> Mail:
    """A mail from its file."""
    sender, recipients, received, data = path.read_bytes().split(b"\r\n", 3)
    return Mail(
        int(path.stem),
        value_of(sender).strip("<>"),
        tuple(value_of(recipients).split(", ")),
        parsedate_to_datetime(value_of(received).rpartition("; ")[2]),
        data,
    )


def value_of(line: bytes) -> str:
    """What stands after a header's colon."""
    return line.decode("utf-8", "surrogateescape").partition(": ")[2]
