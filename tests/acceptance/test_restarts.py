"""What everything stands on is restarted, emptied and made anew while orders are made: each is delivered, once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from events.products import CATALOGUE
from events.views import Word
from sandbox.machine import rabbitmq
from sandbox.report import Report, judged
from sandbox.storm import unsettled
from sandbox.system import System, standing, workers_of
from storage import schema
from storage.opening import opened
from storage.publisher import parameters
from storage.settings import read_from
from tests.acceptance.buying import Bought, buy, requests
from tests.acceptance.services import Service, own
from tests.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

# Two workers with one place each: most of a crowd waits in its queue while the model takes its time.
CROWD = {"document_analysis": 12, "life_clarity": 3}
MAILED = CROWD["life_clarity"]
COPIES = {product: 2 if product in CROWD else 0 for product in CATALOGUE}
WORKERS = [name for product in CROWD for name in workers_of(product, COPIES[product])]
# How long the model takes for an answer, in seconds: while something is done to the services, and after it.
SLOW, QUICK = 4.0, 0.2
SPEED = 100.0


@dataclass(frozen=True, slots=True)
class World:
    """A running system, and the services that it alone uses."""

    system: System
    postgres: Service
    rabbit: Service


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("restarts")
    with own("postgres") as postgres, own("rabbitmq") as rabbit:
        settings = {
            "DATABASE_URL": schema.made_afresh(postgres.url, "restarts"),
            "RABBITMQ_URL": rabbit.url,
            "OPENAI_API_KEY": "",
        }
        with standing(folder, speed=SPEED, threads=1, settings=settings, copies=COPIES) as system:
            yield World(system, postgres, rabbit)


def turn(world: World, **knobs: object) -> None:
    model = world.system.model.removesuffix("/v1")
    httpx.post(f"{model}/_knobs", json=knobs, timeout=30).raise_for_status()


def crowd(world: World) -> dict[str, str]:
    """Orders, all at once."""
    return {
        buy(world.system, product).id: product
        for product, number in CROWD.items()
        for _ in range(number)
    }


def busy(world: World) -> dict[str, str]:
    """Orders, all at once, of which some are being made by now and others wait."""
    turn(world, latency=SLOW * SPEED)
    bought = crowd(world)
    until(lambda: Word.WRITING in words(world, bought))
    return bought


def words(world: World, bought: dict[str, str]) -> set[str]:
    return {word(world, each) for each in bought}


def word(world: World, order: str) -> str:
    status: str = Bought(world.system, order, "").ask()["status"]
    return status


def finished(world: World, bought: dict[str, str]) -> Report:
    """What became of them in the end."""
    turn(world, latency=QUICK * SPEED, faults=[])
    with opened(read_from(world.system.environment), CATALOGUE, pool=1) as log:
        for _ in unsettled(log, bought):
            """Not all yet."""
    return judged(world.system, bought)


def is_kept(report: Report) -> bool:
    """Each delivered, once, and nothing paid for twice but what was in flight."""
    assert report.complaints == {}
    assert (report.delivered, report.mails) == (sum(CROWD.values()), MAILED)
    return report.kept


@pytest.fixture(scope="module")
def bereft(world: World) -> dict[str, Report]:
    """Three crowds, one after another; each loses what the broker knew of it in another way."""
    crowds = {}
    for how in ("purged", "vhost made anew", "empty disk"):
        crowds[how] = busy(world)
        match how:
            case "purged":
                assert purged(world.rabbit.url) > 0
            case "vhost made anew":
                rabbitmq.make_vhost_anew(world.rabbit.home)
            case "empty disk":
                world.rabbit.crash()
                rabbitmq.forget_everything(world.rabbit.home)
                world.rabbit.start()
        assert Word.QUEUED in words(world, crowds[how])
    return {how: finished(world, bought) for how, bought in crowds.items()}


def purged(url: str) -> int:
    """How many messages were lost."""
    with pika.BlockingConnection(parameters(url)) as connection:
        channel = connection.channel()
        return sum(
            channel.queue_purge(CATALOGUE[product].queue).method.message_count for product in CROWD
        )


@pytest.mark.parametrize("how", ["purged", "vhost made anew", "empty disk"])
def test_a_broker_that_forgets_everything_costs_no_order_and_no_call(
    bereft: dict[str, Report], how: str
) -> None:
    report = bereft[how]

    assert is_kept(report)
    assert (report.repeated, report.spent) == (0, 0)


def test_a_postgres_that_is_shut_down_at_once_costs_no_order(world: World) -> None:
    bought = busy(world)

    world.postgres.crash()
    time.sleep(2)
    world.postgres.start()

    assert is_kept(finished(world, bought))


def test_a_rolling_restart_under_load_loses_and_repeats_nothing(world: World) -> None:
    bought = busy(world)

    ended: dict[str, int] = {}
    for name in WORKERS:
        ended |= world.system.processes.stop(name)
        world.system.processes.start(name)

    assert ended == dict.fromkeys(WORKERS, 0)
    report = finished(world, bought)
    assert is_kept(report)
    assert (report.repeated, report.in_flight, report.takeovers, report.spent) == (0, 0, 0, 0)


def test_a_storm_of_429_is_waited_out_and_spends_no_attempt(world: World) -> None:
    turn(world, faults=[{"what": "429", "retry_after": 21.0}])
    bought = crowd(world)
    left = set(bought)

    def all_turned_away() -> bool:
        """Some were refused, the others wait for the breaker; not all at the same time."""
        left.difference_update([each for each in left if word(world, each) == Word.RETRYING])
        return not left

    until(all_turned_away)
    assert refused(world, bought)

    report = finished(world, bought)

    assert is_kept(report)
    assert (report.repeated, report.takeovers, report.spent) == (0, 0, 0)


def refused(world: World, bought: dict[str, str]) -> set[str]:
    """The orders that the model has said no to."""
    asked = [each for each in requests(world.system) if each["status"] == 429]
    return {each["headers"]["x-ledgerpress-order"] for each in asked} & set(bought)


def test_a_short_order_is_made_on_quorum_queues_though_workers_are_killed(world: World) -> None:
    rabbitmq.make_vhost_anew(world.rabbit.home, queues="quorum")
    bought = busy(world)

    for name in WORKERS:
        world.system.processes.kill(name)
    report = finished(world, bought)

    assert is_kept(report)
    assert report.takeovers > 0
    for product in CROWD:
        assert is_quorum(world.rabbit.url, CATALOGUE[product].queue)


def is_quorum(url: str, name: str) -> bool:
    """Only a queue that is one lets itself be declared as one again."""
    with pika.BlockingConnection(parameters(url)) as connection:
        dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.XQ"}
        arguments = {**dead, "x-queue-type": "quorum"}
        try:
            connection.channel().queue_declare(name, durable=True, arguments=arguments)
        except ChannelClosedByBroker:
            return False
        return True
