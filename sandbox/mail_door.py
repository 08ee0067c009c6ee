"""The SMTP side of the mail sink: it takes mail politely, or fails in the ways that mail servers fail."""

import asyncio
from typing import Any, Literal

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.knobs import arm, striking
from sandbox.mailbox import Mailbox

LARGEST_MAIL = 64 * 1024 * 1024
SAYINGS = {
    421: "4.3.2 The sandbox is closing this channel",
    450: "4.2.1 The mailbox is busy, try again later",
    451: "4.3.0 The sandbox was told to fail for now",
    452: "4.2.2 The mailbox is full for now",
    535: "5.7.8 Authentication credentials invalid",
    550: "5.1.1 No such mailbox here",
    552: "5.3.4 The message is too big",
    554: "5.7.1 The sandbox was told to refuse this",
}


class MailFault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something that goes wrong, and when.

    ``what``: ``refuse`` with a reply of that ``code``; ``drop`` the connection and keep nothing; ``lose_reply``:
    keep the mail and drop the connection before saying so (at ``data`` only); ``hang`` for ever.
    ``at`` is the command it strikes. ``address``: only for this sender or recipient. ``next``, ``every`` and
    ``probability`` as for the model's faults; with none of them it strikes always.
    """

    what: Literal["refuse", "drop", "lose_reply", "hang"]
    at: Literal["mail", "rcpt", "data"] = "data"
    code: int = 451
    address: str | None = None
    next: int | None = None
    every: int | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no mail server would do."""
        if self.what == "lose_reply" and self.at != "data":
            message = "only the reply to DATA can be lost after the mail is kept"
            raise ValueError(message)


class MailKnobs(msgspec.Struct, frozen=True, kw_only=True):
    """How the sink behaves. ``slow``: seconds before each reply to MAIL, RCPT and DATA."""

    slow: float = 0.0
    faults: tuple[MailFault, ...] = ()


class MailDoor:
    """What aiosmtpd asks at each step of a delivery."""

    def __init__(self, mailbox: Mailbox, knobs: MailKnobs) -> None:
        self._mailbox = mailbox
        self.turn(knobs)

    def turn(self, knobs: MailKnobs) -> None:
        """Behave differently from now on."""
        self.knobs = knobs
        self.armed = arm(knobs.faults)

    async def handle_MAIL(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note the sender."""
        if said := await self._struck("mail", server, [address]):
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note a recipient."""
        if said := await self._struck("rcpt", server, [address]):
            return said
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail, then say so, unless that reply is to be lost."""
        if said := await self._struck(
            "data", server, [envelope.mail_from or "", *envelope.rcpt_tos]
        ):
            if said == "keep":
                self._keep(envelope)
                await hang_up(server)
            return said
        number = self._keep(envelope)
        return f"250 2.0.0 OK: kept as number {number}"

    async def _struck(self, at: str, server: SMTP, addresses: list[str]) -> str | None:
        await asyncio.sleep(self.knobs.slow)
        fault = striking(
            self.armed,
            lambda one: one.at == at and (one.address is None or one.address in addresses),
        )
        match fault:
            case None:
                return None
            case MailFault(what="lose_reply"):
                return "keep"
            case MailFault(what="drop"):
                await hang_up(server)
            case MailFault(what="hang"):
                await asyncio.Event().wait()
        return f"{fault.code} {SAYINGS.get(fault.code, '5.0.0 The sandbox was told to say so')}"

    def _keep(self, envelope: Envelope) -> int:
        data = envelope.original_content or b""
        return self._mailbox.keep(envelope.mail_from or "", tuple(envelope.rcpt_tos), data).number


async def hang_up(server: SMTP) -> None:
    """Close the connection without a word; aiosmtpd then cancels whoever waits here."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    await asyncio.Event().wait()


def conversation(door: MailDoor, login: tuple[str, str] | None) -> SMTP:
    """One client's talk with the sink. With a ``login``, AUTH PLAIN or LOGIN is required."""

    def known(_: Any, __: Any, ___: Any, ____: str, said: Any) -> AuthResult:
        expected = LoginPassword(*(part.encode() for part in login or ("", "")))
        return AuthResult(success=said == expected, handled=False)

    return SMTP(
        door,
        data_size_limit=LARGEST_MAIL,
        enable_SMTPUTF8=True,
        hostname="mail-sink.sandbox",
        ident="Ledgerpress sandbox",
        authenticator=known if login else None,
        auth_required=login is not None,
        auth_require_tls=False,
        loop=asyncio.get_running_loop(),
    )
