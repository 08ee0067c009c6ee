"""The mail sink's HTTP side: mails to look at, mails as JSON, and the knobs."""

import re
from pathlib import Path
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader

from sandbox.knobs import shown, turned
from sandbox.mail_door import MailDoor, MailKnobs
from sandbox.mailbox import Attachment, Mail, Mailbox
from sandbox.wire import Line, Reply, Request, as_json

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
OUR_PAGE = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'"
THEIR_PAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
MAIL = re.compile(r"/mails/(\d+)(\.eml|/html|/attachments/(\d+))?")


class MailPages:
    """Answers the sink's HTTP requests."""

    def __init__(self, mailbox: Mailbox, door: MailDoor) -> None:
        self._mailbox = mailbox
        self._door = door
        self._first = door.knobs

    async def answer(self, request: Request, line: Line) -> None:
        """Answer one request."""
        await line.reply(self._reply(request))

    def _reply(self, request: Request) -> Reply:
        match request.method, request.path:
            case _, "/_knobs":
                return self._knobs_reply(request)
            case "DELETE", "/mails" | "/mails.json":
                self._mailbox.clear()
                return as_json([])
            case "GET" | "HEAD", "/":
                return page("mails.html", mails=self._mailbox.newest_first())
            case "GET", "/mails.json":
                return as_json([mail.as_json() for mail in self._mailbox.newest_first()])
            case "GET", path if found := MAIL.fullmatch(path):
                mail = self._mailbox.find(int(found[1]))
                return shown_mail(mail, found[2] or "", int(found[3] or 0)) if mail else missing()
        return missing()

    def _knobs_reply(self, request: Request) -> Reply:
        try:
            if request.method == "POST":
                self._door.turn(turned(self._door.knobs, request.body))
            elif request.method == "DELETE":
                self._door.turn(self._first)
        except ValueError as wrong:
            return as_json({"error": str(wrong)}, 422)
        knobs: MailKnobs = self._door.knobs
        return as_json({**msgspec.to_builtins(knobs), "faults": shown(self._door.armed)})


def shown_mail(mail: Mail, part: str, attachment: int) -> Reply:
    """A mail's page, or the part of it that was asked for."""
    if part == ".eml":
        return file("message/rfc822", mail.data, f"mail-{mail.number}.eml", inline=False)
    if part == "/html":
        headers = {"Content-Security-Policy": THEIR_PAGE, "X-Content-Type-Options": "nosniff"}
        html = mail.html.encode("utf-8", "replace")
        return Reply(body=html, kind="text/html; charset=utf-8", headers=headers)
    if part:
        return attached(mail.attachments, attachment)
    return page("mail.html", mail=mail)


def attached(attachments: tuple[Attachment, ...], number: int) -> Reply:
    """An attachment to download; a PDF opens in the browser."""
    if not 0 < number <= len(attachments):
        return missing()
    found = attachments[number - 1]
    pdf = found.kind == "application/pdf"
    kind = "application/pdf" if pdf else "application/octet-stream"
    return file(kind, found.data, found.name, inline=pdf)


def file(kind: str, data: bytes, name: str, *, inline: bool) -> Reply:
    """A file with its name."""
    how = "inline" if inline else "attachment"
    headers = {
        "Content-Disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    return Reply(body=data, kind=kind, headers=headers)


def page(template: str, **shown_here: object) -> Reply:
    """A page of our own."""
    body = PAGES.get_template(template).render(size=size, **shown_here)
    headers = {"Content-Security-Policy": OUR_PAGE, "Cache-Control": "no-store"}
    return Reply(
        body=body.encode("utf-8", "replace"), kind="text/html; charset=utf-8", headers=headers
    )


def missing() -> Reply:
    """No such page."""
    return as_json({"error": "nothing here"}, 404)


def size(count: int) -> str:
    """A number of bytes as people say it."""
    for unit, bytes_each in (("MB", 1_000_000), ("KB", 1_000)):
        if count >= bytes_each:
            return f"{count / bytes_each:.1f} {unit}"
    return f"{count} bytes"
