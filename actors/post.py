"""Composes mails and hands them to the mail server: the only door to smtplib."""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from events.errors import Refused, Unavailable
from events.plan import Product
from events.views import order_number
from storage.settings import Settings

# Many servers refuse more; beyond this the mail carries a link only.
MOST_ATTACHED_BYTES = 8_000_000
_PERMANENT = 500
_HERE = ("localhost", "127.0.0.1", "::1")

_templates = Environment(
    loader=PackageLoader("actors", "templates/mail"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Untaken(Unavailable):
    """The mail has certainly not gone out, and may later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to be composed: its template, who it is for, and what the template is told.

    ``thread`` is shared by all mails that belong together; with the same ``subject`` they are shown as one talk.
    """

    template: str
    to: str
    subject: str
    message_id: str
    told: Mapping[str, object]
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A finished document, and a link to it for when it is too large for a mail."""

    filename: str
    media_type: str
    content: bytes
    pages: int
    link: str = ""


def message_id(order: str, mail: str, domain: str) -> str:
    """The Message-ID of this mail about this order: the same whenever it is sent, so that copies can be told."""
    return f"<{order}.{mail}@{domain}>"


def thread_of(order: str, domain: str) -> str:
    """What all mails about this order refer to, as to a first mail that nobody ever sent (RFC 5322, section 3.6.4)."""
    return f"<{order}@{domain}>"


def subject_of(order: str, product: Product | None) -> str:
    """The one subject of all mails about this order."""
    number = order_number(order)
    return f"{product.title}: your order {number}" if product else f"Your order {number}"


class Post:
    """The mail server, and who the mails are from. It may be silent for so many ``seconds``."""

    def __init__(
        self, *, smtp_url: str, sender: str, public_url: str, seconds: float = 30.0
    ) -> None:
        self._server = urlsplit(smtp_url)
        self._seconds = seconds
        self._sender = sender
        self._public_url = public_url.rstrip("/")
        self.domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"

    def page(self, token: str) -> str:
        """The link to the customer's page."""
        return f"{self._public_url}/o/{token}"

    def report(self, order: str, until: int, signature: str) -> str:
        """The link to that order's report, good until then."""
        return f"{self._public_url}/r/{order}/{until}/{signature}"

    @property
    def desk(self) -> str:
        """The link to the operator's page."""
        return f"{self._public_url}/ops"

    def send(self, letter: Letter, documents: Sequence[Attachment] = ()) -> None:
        """Hand the mail to the server.

        Raises ``Unavailable`` if it may work later; the mail may then have gone out all the same, when only the
        server's answer was lost, but not if it is ``Untaken``. Raises ``Refused`` if the server will never take it.
        """
        attached = documents if _size(documents) <= MOST_ATTACHED_BYTES else ()
        told = {**letter.told, "documents": documents, "attached": bool(attached)}
        mail = self._addressed(letter)
        mail.set_content(_templates.get_template(f"{letter.template}.txt").render(told))
        mail.add_alternative(
            _templates.get_template(f"{letter.template}.html").render(told), subtype="html"
        )
        for each in attached:
            main, _, sub = each.media_type.partition("/")
            mail.add_attachment(each.content, main, sub, filename=each.filename)
        self._hand_over(mail)

    def greet(self, seconds: float) -> bool:
        """Connect, encrypt if offered and log in, as for a mail, and leave; return whether it was encrypted.

        Raises ``Refused`` if the server will not take us like this and ``Unavailable`` if it does not answer in time.
        """
        try:
            server = self._connect(seconds)
            try:
                server.ehlo_or_helo_if_needed()
                self._log_in(server)
                return isinstance(server.sock, ssl.SSLSocket)
            finally:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()
        except smtplib.SMTPAuthenticationError:
            message = "the mail server refuses the user or the password"
            raise Refused(message, reason="mail-settings") from None
        except ssl.SSLCertVerificationError:
            message = "the mail server's certificate is not valid here"
            raise Refused(message, reason="mail-settings") from None
        except smtplib.SMTPNotSupportedError:
            message = "SMTP_URL has a password, and the mail server offers no login"
            raise Refused(message, reason="mail-settings") from None
        except (smtplib.SMTPException, OSError):
            message = "the mail server does not answer"
            raise Unavailable(message, reason="mail-away") from None

    def _addressed(self, letter: Letter) -> EmailMessage:
        mail = EmailMessage()
        try:
            mail["From"] = self._sender
            mail["To"] = Address(addr_spec=letter.to)
        except (ValueError, IndexError, HeaderParseError):
            message = "the mail address cannot stand in a header"
            raise Refused(message, reason="mail-address") from None
        mail["Subject"] = letter.subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = letter.message_id
        if letter.thread:
            mail["In-Reply-To"] = mail["References"] = letter.thread
        mail["Auto-Submitted"] = "auto-generated"
        return mail

    def _hand_over(self, letter: EmailMessage) -> None:
        begun = False
        try:
            server = self._connect(self._seconds)
            try:
                self._log_in(server)
                begun = True
                server.send_message(letter)
            finally:
                # Once the mail is taken, nothing that the server says any more makes it untaken.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()
        except smtplib.SMTPRecipientsRefused as error:
            raise _said_no(min(code for code, _ in error.recipients.values())) from None
        except smtplib.SMTPResponseException as error:
            raise _said_no(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            message = "the mail server does not support what SMTP_URL or the address asks for"
            raise Refused(message, reason="mail-settings") from None
        except (smtplib.SMTPException, OSError):
            if not begun:
                message = "the mail server cannot be reached"
                raise Untaken(message, reason="mail-away") from None
            message = "the connection to the mail server was lost"
            raise Unavailable(message, reason="mail-away") from None

    def _log_in(self, server: smtplib.SMTP) -> None:
        if not self._server.username:
            return
        if not isinstance(server.sock, ssl.SSLSocket) and self._server.hostname not in _HERE:
            message = "the mail server offers no encryption, and SMTP_URL has a password"
            raise Refused(message, reason="mail-settings")
        server.login(unquote(self._server.username), unquote(self._server.password or ""))

    def _connect(self, seconds: float) -> smtplib.SMTP:
        host, port = self._server.hostname or "localhost", self._server.port or 0
        context = ssl.create_default_context()
        if self._server.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port or 465, timeout=seconds, context=context)
        server = smtplib.SMTP(host, port or 587, timeout=seconds)
        try:
            server.ehlo_or_helo_if_needed()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


def post_of(settings: Settings) -> Post:
    """The mail server that the settings name."""
    return Post(
        smtp_url=settings.smtp_url.get_secret_value(),
        sender=settings.mail_from,
        public_url=settings.public_url,
    )


def operator_of(settings: Settings) -> str:
    """The address of whoever looks after orders."""
    return parseaddr(settings.operator_email or settings.mail_from)[1]


def _said_no(code: int) -> Refused | Unavailable:
    message = f"the mail server answered {code}"
    if code >= _PERMANENT:
        return Refused(message, reason="mail-refused")
    return Untaken(message, reason="mail-busy")


def _size(documents: Sequence[Attachment]) -> int:
    return sum(len(each.content) for each in documents)
