"""The door to the mail server: one mail, well formed, and an honest error when it did not go out."""

import email
import smtplib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.post import Attachment, Letter, Post, Untaken, message_id, thread_of
from events.errors import Refused, Unavailable
from events.products import find
from sandbox.starting import MailSink, started_mail_sink

REPORT = Attachment(
    filename="life-clarity.pdf", media_type="application/pdf", content=b"%PDF-1.7 ...", pages=11
)
IDENTITY = message_id("order-1", "report", "ledgerpress.example")


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with started_mail_sink(
        "--directory", str(tmp_path / "mail"), "--smtp-port", "0", "--http-port", "0"
    ) as sink:
        yield sink


@pytest.fixture
def post(sink: MailSink) -> Post:
    return Post(
        smtp_url=sink.smtp,
        sender="Ledgerpress <reports@ledgerpress.example>",
        public_url="https://reports.example",
    )


def send(post: Post, *documents: Attachment, **changes: Any) -> None:
    values: dict[str, Any] = {
        "title": find("life_clarity").title,
        "until": "28 November 2026",
        "customer": "Jenny Rosen",
        "link": "https://reports.example/o/token",
    }
    letter = Letter(
        template="report",
        to=changes.pop("to", "jenny.rosen@example.com"),
        subject="Life Clarity",
        message_id=IDENTITY,
        thread=thread_of("order-1", "ledgerpress.example"),
        told={**values, **changes},
    )
    post.send(letter, documents or (REPORT,))


def mails(sink: MailSink) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{sink.http}/mails.json").json()
    return found


def fault(sink: MailSink, **what: Any) -> None:
    httpx.post(f"{sink.http}/_knobs", json={"faults": [what]}).raise_for_status()


def test_a_mail_has_a_plain_part_the_report_and_its_own_id(post: Post, sink: MailSink) -> None:
    send(post)

    (mail,) = mails(sink)
    assert mail["message_id"] == "<order-1.report@ledgerpress.example>"
    assert mail["to"] == ["jenny.rosen@example.com"]
    assert email.message_from_bytes(httpx.get(f"{sink.http}/mails/1.eml").content)["Date"]
    assert "Dear Jenny Rosen" in mail["text"]
    assert "https://reports.example/o/token" in mail["text"]
    assert [each["name"] for each in mail["attachments"]] == ["life-clarity.pdf"]


def test_what_is_too_large_for_a_mail_is_linked(post: Post, sink: MailSink) -> None:
    large = Attachment(
        filename="large.pdf",
        media_type="application/pdf",
        content=b"x" * 8_000_001,
        pages=900,
        link=post.report("order-1", 1_795_000_000, "signature"),
    )

    send(post, large)

    (mail,) = mails(sink)
    assert mail["attachments"] == []
    assert "too large" in mail["text"]
    assert "https://reports.example/r/order-1/1795000000/signature" in mail["text"]
    assert "until 28 November 2026" in mail["text"]


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ({"what": "refuse", "at": "data", "code": 451}, Unavailable),
        ({"what": "refuse", "at": "mail", "code": 421}, Unavailable),
        ({"what": "refuse", "at": "rcpt", "code": 450}, Unavailable),
        ({"what": "refuse", "at": "rcpt", "code": 550}, Refused),
        ({"what": "refuse", "at": "data", "code": 554}, Refused),
        ({"what": "drop", "at": "data"}, Unavailable),
        ({"what": "lose_reply", "at": "data"}, Unavailable),
    ],
)
def test_each_refusal_says_whether_to_try_again(
    what: dict[str, Any], kind: type[Exception], post: Post, sink: MailSink
) -> None:
    fault(sink, **what)

    with pytest.raises(kind) as raised:
        send(post)
    assert "jenny" not in str(raised.value)


@pytest.mark.parametrize("goodbye", [b"421 busy\r\n", b"500 what?\r\n", b""])
def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye(goodbye: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=curt, args=(listening, goodbye))
        thread.start()
        port = listening.getsockname()[1]
        send(
            Post(smtp_url=f"smtp://127.0.0.1:{port}", sender="a@b.example", public_url="https://x")
        )
        thread.join()


def curt(listening: socket.socket, goodbye: bytes) -> None:
    """A mail server that takes every mail, and then forgets its manners."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 hello\r\n")
        for line in lines:
            match line.split(maxsplit=1)[0].strip().upper():
                case b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    while next(lines) != b".\r\n":
                        pass
                    connection.sendall(b"250 taken\r\n")
                case b"QUIT":
                    connection.sendall(goodbye)
                    return
                case _:
                    connection.sendall(b"250 fine\r\n")


def test_a_password_is_not_sent_over_a_plain_connection() -> None:
    door = Post(
        smtp_url="smtp://user:secret@mail.example:25", sender="a@b.example", public_url="https://x"
    )

    with pytest.raises(Refused, match="no encryption"):
        door._log_in(smtplib.SMTP())


def test_a_server_that_is_away_is_unavailable() -> None:
    away = Post(smtp_url="smtp://127.0.0.1:9", sender="a@b.example", public_url="https://x.example")

    with pytest.raises(Unavailable):
        send(away)


@pytest.mark.parametrize(("at", "untaken"), [("mail", False), ("data", False), (None, True)])
def test_a_server_that_falls_silent_is_given_up(
    sink: MailSink, at: str | None, *, untaken: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = sink.smtp if at else f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        post = Post(smtp_url=url, sender="a@b.example", public_url="https://x.example", seconds=3)
        if at:
            fault(sink, what="hang", at=at)

        with pytest.raises(Unavailable) as raised:
            send(post)

    assert isinstance(raised.value, Untaken) == untaken


def test_no_header_can_be_smuggled_in(post: Post, sink: MailSink) -> None:
    with pytest.raises(Refused):
        send(post, to="a@example.com\r\nBcc: victim@example.com")
    send(post, customer="Jenny\r\nBcc: victim@example.com")

    assert [mail["to"] for mail in mails(sink)] == [["jenny.rosen@example.com"]]


def test_a_name_cannot_put_markup_into_the_mail(post: Post, sink: MailSink) -> None:
    send(post, customer="<img src=x>")

    html = httpx.get(f"{sink.http}/mails/1/html").text
    assert "<img" not in html
