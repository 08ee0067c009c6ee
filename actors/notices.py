"""Tells people by mail what they must know of orders in trouble: the customer once, the operator in few mails."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from actors.letters import letter
from actors.post import Letter, Post, message_id, operator_of, post_of
from events.alerts import Matter, digest, matter, subject
from events.envelope import Cause
from events.errors import LedgerpressError, Refused, Unavailable, WrongExpectedVersion
from events.facts import MailFailed, MailIntended, MailSent
from events.notices import DOUBT, To, fail, intend, owed, tried_as
from events.order import Order
from events.plan import Product
from storage.adding import add
from storage.history import History
from storage.orders import to_tell
from storage.record import Log
from storage.settings import Settings
from storage.telemetry import log, where

_LOOK_SECONDS = 0.5
# Between two alerts to the operator, however many orders get into trouble.
_ALERT_SECONDS = 60.0
# What was found to owe nothing, or could not be told of, is left alone for this long.
_REST_SECONDS = 30.0
# As many orders are looked at, and customers written to for so long, before anything else has its turn.
_MOST_ORDERS = 1000
_TURN_SECONDS = 10.0
# How long an outcome is kept while Postgres is away, before the mail is in doubt.
_OUTCOME_SECONDS = 45.0
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Claimed:
    """An order whose alert is about to go out, and what it says."""

    order: str
    correlation: str
    intent: MailIntended
    before: str
    matter: Matter


class Notices:
    """Sends what is owed. Any number may do so side by side: an intent in the log says whose it is."""

    def __init__(
        self,
        orders: Log,
        post: Post,
        *,
        catalogue: Mapping[str, Product],
        operator: str,
        stopping: threading.Event,
        speed: float = 1.0,
    ) -> None:
        self._log = orders
        self._post = post
        self._catalogue = catalogue
        self._operator = operator
        self._stopping = stopping
        self._doubt = DOUBT / speed
        self._pause = _ALERT_SECONDS / speed
        self._next_alert = float("-inf")
        self._resting: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        """Go on until told to stop."""
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.send_due()
            except Unavailable as error:
                log.warning("notices wait", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - one order must not keep all others from being told of
                log.error("notices failed", **where(error))
                self._stopping.wait(_AGAIN_SECONDS)

    def send_due(self) -> None:
        """Send what is due now: first one alert for all orders that call for one, then mails to some customers."""
        began = time.monotonic()
        self._resting = {row: until for row, until in self._resting.items() if until > began}
        claimed: list[_Claimed] = []
        customers: list[str] = []
        try:
            for row in to_tell(self._log.engine, _now(), _MOST_ORDERS):
                if row not in self._resting and not self._stopping.is_set():
                    customers += self._look_at(row, claimed, began)
        except Unavailable:
            if not claimed:
                raise
        if claimed:
            self._next_alert = began + self._pause
            self._alert(claimed)
        for order in customers:
            if not self._stopping.is_set() and time.monotonic() < began + _TURN_SECONDS:
                self._write_to_customer(order)

    def _look_at(self, row: tuple[str, int], claimed: list[_Claimed], now: float) -> list[str]:
        """Claim what the next alert tells of this order; return the order if its customer is to be told."""
        self._resting[row] = now + _REST_SECONDS
        try:
            history = self._log.read(row[0])
        except Refused as error:
            log.error("an order cannot be told of", order=row[0], reason=error.reason)
            return []
        due = self._due(history.order)
        alerts = [mail for mail, to in due if to is To.OPERATOR]
        if alerts and now < self._next_alert:
            self._resting[row] = self._next_alert
        elif alerts:
            # One at a time: what belongs into another alert is found again when that may go out.
            self._claim(history, alerts[0], claimed)
            self._resting[row] = now + min(self._pause, _REST_SECONDS)
        if len(due) == len(alerts):
            return []
        del self._resting[row]
        return [row[0]]

    def _due(self, order: Order) -> list[tuple[str, To]]:
        now, product = _now(), self._product(order)
        return [(each.mail, each.to) for each in owed(order, product) if each.due_at <= now]

    def _claim(self, history: History, mail: str, claimed: list[_Claimed]) -> None:
        """Add the order to the alert that is being made, unless it belongs into another one.

        An alert is named after its first order, so no two that tell of different orders have one name. One that may
        have gone out is sent again with the orders that it told of and no others: who has it may never see a second.
        """
        order, before = history.order, tried_as(history.order, mail)
        if claimed and before != claimed[0].before:
            return
        name = message_id(order.id, mail, self._post.domain)
        identity = claimed[0].intent.message_id if claimed else name
        if intent := self._intend(history, mail, identity):
            said = matter(order, self._product(order), mail)
            claimed.append(_Claimed(order.id, history.correlation, intent, before, said))

    def _intend(self, history: History, mail: str, identity: str) -> MailIntended | None:
        """The intent, once it is in the log as this process's own; ``None`` if somebody else was faster."""
        intent = intend(history.order, mail, identity, _now(), self._doubt)
        try:
            ours = self._log.record(history, [intent], _cause(history.correlation)).wrote
        except WrongExpectedVersion:
            return None
        return intent if ours else None

    def _alert(self, claimed: list[_Claimed]) -> None:
        groups = digest(each.matter for each in claimed)
        title = subject(groups)
        alert = Letter(
            template="alert",
            to=self._operator,
            subject=title,
            message_id=claimed[0].intent.message_id,
            told={"groups": groups, "subject": title},
        )
        error = self._send(alert)
        for each in claimed:
            self._settle(each.order, each.correlation, each.intent, error)

    def _write_to_customer(self, order_id: str) -> None:
        for mail, to in self._due(self._log.read(order_id).order):
            if to is To.CUSTOMER and not self._stopping.is_set():
                self._send_to_customer(order_id, mail)

    def _send_to_customer(self, order_id: str, mail: str) -> None:
        history = self._log.read(order_id)
        if (mail, To.CUSTOMER) not in self._due(history.order):
            return
        identity = message_id(order_id, mail, self._post.domain)
        if intent := self._intend(history, mail, identity):
            said = letter(mail, identity, history, self._catalogue, self._post)
            self._settle(order_id, history.correlation, intent, self._send(said))

    def _send(self, said: Letter) -> Exception | None:
        """Hand it to the mail server; return what went wrong."""
        try:
            self._post.send(said)
        except LedgerpressError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it was, the log must say so
            log.error("a notice could not be composed", **where(error))
            return error
        return None

    def _settle(
        self, order_id: str, correlation: str, intent: MailIntended, error: Exception | None
    ) -> None:
        """Record the outcome, even if Postgres is away for some seconds: nobody else knows of it."""
        outcome: MailSent | MailFailed
        outcome = MailSent(mail=intent.mail, message_id=intent.message_id)
        if error:
            reason = error.reason if isinstance(error, LedgerpressError) else "unforeseen"
            outcome = fail(intent, reason, _now(), final=isinstance(error, Refused))
            if not outcome.retry_at:
                log.error("a notice was given up", order=order_id, mail=intent.mail, reason=reason)

        def wanted(order: Order) -> list[MailSent | MailFailed]:
            known = order.mails.get(intent.mail)
            # Somebody else may have sent it meanwhile, because we took so long: what is sent is sent.
            done = isinstance(known, MailSent) or known == outcome
            return [] if done or (error and known != intent) else [outcome]

        patience = time.monotonic() + _OUTCOME_SECONDS
        while True:
            try:
                add(wanted, lambda: self._log.read(order_id), _cause(correlation), self._log)
            except Unavailable:
                if time.monotonic() > patience:
                    raise
                time.sleep(_AGAIN_SECONDS)
            else:
                return

    def _product(self, order: Order) -> Product | None:
        return self._catalogue.get(order.placed.product) if order.placed else None


def _cause(correlation: str) -> Cause:
    return Cause(correlation=correlation, causation="notices", actor="keeper")


def _now() -> datetime:
    return datetime.now(UTC)


def start(
    orders: Log, catalogue: Mapping[str, Product], settings: Settings, stopping: threading.Event
) -> threading.Thread:
    """Go on in a thread of its own until ``stopping``, so that a slow mail server keeps nothing else waiting."""
    told = Notices(
        orders,
        post_of(settings),
        catalogue=catalogue,
        operator=operator_of(settings),
        stopping=stopping,
        speed=settings.speed,
    )
    thread = threading.Thread(target=told.run, name="notices", daemon=True)
    thread.start()
    return thread
