"""Thousands of clients that wait for news of their orders, half of them in held answers and half in streams."""

import asyncio
import json
import random
import resource
import time

from benchmarks.api.house import House
from benchmarks.api.line import Line
from benchmarks.api.sizes import Sizes
from benchmarks.figures import Figure, Report, at_most, percentile
from benchmarks.machine import say
from events.envelope import Cause
from events.facts import NoteMade

_PAUSE = 0.02
_CAUSE = Cause(correlation="bench", causation="bench", actor="bench")


class Arrivals:
    """What came when: the clients' versions, and when each was recorded."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, float]] = []
        self.recorded: dict[tuple[str, int], float] = {}
        self.waiting = 0

    def delays(self) -> list[float]:
        """From an event being recorded to a client hearing of it, in milliseconds."""
        return [
            1000 * max(0.0, came - self.recorded[order, version])
            for order, version, came in self.seen
            if (order, version) in self.recorded
        ]


async def measure(house: House, sizes: Sizes, report: Report) -> None:
    """How soon they hear of it, and what the process that keeps them waiting weighs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    orders = [await house.order() for _ in range(sizes.orders)]
    empty = house.api.memory
    arrivals = Arrivals()
    clients = [
        asyncio.create_task(each(house, orders[number % len(orders)], arrivals))
        for number in range(sizes.clients // 2)
        for each in (_polls, _follows)
    ]
    while arrivals.waiting < sizes.clients:
        for client in clients:
            if client.done():
                await client
        await asyncio.sleep(0.1)
    say(f"{sizes.clients} are waiting: {house.api.memory:.0f} MB")
    await asyncio.sleep(3)  # half of them have yet to be held
    idle = house.api.cpu
    await asyncio.sleep(5)
    idle = (house.api.cpu - idle) / 5
    stop = asyncio.Event()
    ticking = asyncio.create_task(_tick(stop))
    await asyncio.to_thread(_happen, house, orders, sizes.events, arrivals)
    await asyncio.sleep(1)
    stop.set()
    memory = house.api.memory
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    delays = arrivals.delays()
    say(f"{len(delays)} were woken by {sizes.events} events")
    woken = Figure(name="woken, p99", unit="ms", runs=(percentile(delays, 0.99),))
    half = Figure(name="woken, median", unit="ms", runs=(percentile(delays, 0.5),))
    late = Figure(
        name="a timer beside it, late by p99", unit="ms", runs=(percentile(await ticking, 0.99),)
    )
    weight = Figure(name=f"memory with {sizes.clients} waiting", unit="MB", runs=(memory,))
    report.add(at_most("woken p99 under 250 ms after the event", woken, late, 250), half)
    before = Figure(name="memory before", unit="MB", runs=(empty,))
    report.add(at_most(f"{sizes.clients} waiting clients under 300 MB", weight, before, 300))
    report.add(Figure(name="processor while all wait", unit="cores", runs=(idle,)))


def _happen(house: House, orders: list[str], events: int, arrivals: Arrivals) -> None:
    draw = random.Random(7)  # noqa: S311 - the same orders in every run
    for number in range(events):
        order = draw.choice(orders)
        note = NoteMade(number=number + 1)
        history = house.log.record(house.log.read(order), [note], _CAUSE)
        arrivals.recorded[order, history.order.version] = time.monotonic()
        time.sleep(_PAUSE)


async def _tick(stop: asyncio.Event) -> list[float]:
    """By how many milliseconds a timer of this process is late: what this machine makes of any promise just now."""
    late = []
    while not stop.is_set():
        began = time.monotonic()
        await asyncio.sleep(_PAUSE)
        late.append(1000 * (time.monotonic() - began - _PAUSE))
    return late


async def _polls(house: House, order: str, arrivals: Arrivals) -> None:
    """Hold an answer, again and again."""
    line = await Line.open(house.port)
    version = int(json.loads((await line.ask(house.ask(f"/v1/orders/{order}"))).body)["version"])
    arrivals.waiting += 1
    while True:
        held = house.ask(f"/v1/orders/{order}", Prefer="wait=60", If_None_Match=f'W/"v{version}"')
        answer = await line.ask(held)
        if answer.body:
            version = int(json.loads(answer.body)["version"])
            arrivals.seen.append((order, version, time.monotonic()))


async def _follows(house: House, order: str, arrivals: Arrivals) -> None:
    """Read a stream."""
    line = await Line.open(house.port)
    await line.head(house.ask(f"/v1/orders/{order}/stream"))
    waiting = False
    while True:
        found = await line.reader.readline()
        if found.startswith(b"id: "):
            if waiting:
                arrivals.seen.append((order, int(found[4:]), time.monotonic()))
            else:
                arrivals.waiting += 1
                waiting = True
