"""A worker process of the simulation: the real loop, halted before and after everything that others can see."""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from actors.attempt import Delivery
from actors.fulfil import Outcome, fulfil
from actors.tools import Tools
from events.errors import Conflict, Refused, Unavailable
from tests.simulation.memory import Message

if TYPE_CHECKING:
    from tests.simulation.world import World


class Killed(BaseException):
    """Unwinds a process that is no more; nothing that it still does has any effect."""


class Process:
    """One worker process, with a thread that runs only between ``resume`` and its next ``halt``.

    So nothing depends on the machine's scheduler, and every schedule can be replayed. ``skew`` is how far its clock
    is ahead. ``deaf`` says that its heartbeats do not arrive.
    """

    def __init__(
        self, world: "World", name: str, skew: float, equip: Callable[["Process"], Tools]
    ) -> None:
        self.world = world
        self.name = name
        self.skew = skew
        self.alive = self.idle = True
        self.frozen = self.deaf = self.told_to_stop = False
        self.held: dict[str, int] = {}
        self._channel = uuid.uuid4()
        self._tools = equip(self)
        self._go, self._halted = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._halted.acquire()

    def resume(self) -> None:
        """Let it run to where it halts next, or ends."""
        if self.alive and not self.frozen:
            self._go.release()
            self._halted.acquire()

    def kill(self) -> None:
        """SIGKILL: the broker takes back what it had; nobody else is told."""
        if self.alive:
            self.alive = False
            self._go.release()
        self._thread.join()
        self.disconnect()

    def disconnect(self) -> None:
        """The connection to the broker is lost, and made anew."""
        self.world.broker.hang_up(self._channel)
        self._channel = uuid.uuid4()

    def halt(self) -> None:
        """Wait to be resumed, or die."""
        if not self.alive:
            raise Killed
        self._halted.release()
        self._go.acquire()
        if not self.alive:
            raise Killed

    def _run(self) -> None:
        with suppress(Killed):
            while not self.told_to_stop:
                self.idle = True
                self.halt()
                self.idle = False
                channel = self._channel
                if not self.told_to_stop and (message := self.world.broker.deliver(channel)):
                    seen_to = self._look(message)
                    self.halt()
                    self.world.broker.settle(channel, message, seen_to=seen_to)
                    self.halt()
        if self.alive:
            self.alive = False
            self._halted.release()

    def _look(self, message: Message) -> bool:
        # What the actor and HandBack make of a nudge: seen to, or handed back.
        letter = message.letter
        delivery = Delivery(
            order=letter.order,
            correlation=letter.correlation,
            id=message.id,
            redelivered=message.redelivered,
        )
        product = self.world.catalogue[letter.queue.removeprefix("queue.")]
        self.world.tell(self, f"looks at {product.name} for {message.id}")
        try:
            handed_on = fulfil(delivery, product, self._tools) is Outcome.MORE
        except (Unavailable, Conflict) as error:
            self.world.tell(self, f"hands back: {error.reason}")
            return False
        except Refused:
            return True
        except Exception as error:  # noqa: BLE001 - the simulation must say so, not swallow it
            self.world.object(f"{self.name} was surprised by {error!r}")
            return False
        return not handed_on
