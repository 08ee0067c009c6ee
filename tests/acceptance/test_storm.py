"""Many orders at once, of several products, while every kind of process is killed and frozen at random."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console

from events.facts import AttentionNeeded, OrderDelivered, SectionWritten
from events.products import CATALOGUE
from sandbox.evidence import gathered
from sandbox.report import Report
from sandbox.storm import storm
from sandbox.system import standing
from sandbox.verdict import Evidence, complaints
from tests.conftest import Server, needed

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

WANTED = {"personal_blueprint": 1, "document_analysis": 5, "life_clarity": 8}
COPIES = {product: 2 if WANTED.get(product) else 0 for product in CATALOGUE}
# How many seconds a kind of process is left alone after a blow; here fewer than in the large storm, which takes longer.
GAP = (6.0, 12.0)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the storm left behind."""

    report: Report
    evidence: list[Evidence]


@pytest.fixture(scope="module")
def aftermath(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aftermath]:
    name = f"{template}_storm"
    server.execute(f"create database {name} template {template}")
    settings = {
        "DATABASE_URL": server.at(name),
        "RABBITMQ_URL": needed("RABBITMQ_URL"),
        "OPENAI_API_KEY": "",
    }
    folder: Path = tmp_path_factory.mktemp("storm")
    with standing(
        folder, speed=50, latency=25, threads=2, settings=settings, copies=COPIES
    ) as system:
        wanted = list(Counter(WANTED).elements())
        report, bought = storm(system, wanted, seed=7, gap=GAP, console=Console(quiet=True))
        yield Aftermath(report, list(gathered(system, bought)))
    server.execute(f"drop database {name} with (force)")


def test_every_order_is_delivered_once_and_only_calls_in_flight_are_repeated(
    aftermath: Aftermath,
) -> None:
    report = aftermath.report

    assert report.complaints == {}
    assert report.by_product == WANTED
    assert report.paid == report.delivered == sum(WANTED.values())
    assert report.mails == report.delivered - WANTED["document_analysis"]
    assert report.repeated <= report.in_flight
    assert report.kept
    assert len(report.struck) >= 3  # kinds of processes


def without(found: Evidence, *types: type) -> Evidence:
    kept = [each for each in found.history if not isinstance(each.event, types)]
    return replace(found, history=kept)


def twice(found: Evidence, kind: type) -> Evidence:
    again = [each for each in found.history if isinstance(each.event, kind)]
    return replace(found, history=[*found.history, *again[:1]])


def left_to_a_person(found: Evidence) -> Evidence:
    asks = AttentionNeeded(reason="crashes", attempt=1, detail="", advice="")
    last = found.history[-1]
    return replace(
        found, history=[*found.history, replace(last, event=asks, type="attention-needed")]
    )


FALSIFIED: dict[str, Callable[[Evidence], Evidence]] = {
    "lost": lambda found: replace(found, history=[], links=[]),
    "not delivered": lambda found: without(found, OrderDelivered),
    "delivered twice": lambda found: twice(found, OrderDelivered),
    "left to a person": left_to_a_person,
    "a section missing": lambda found: without(found, SectionWritten),
    "a section twice": lambda found: twice(found, SectionWritten),
    "a link missing": lambda found: replace(found, links=[*found.links[:3], *found.links[4:]]),
    "an event altered": lambda found: replace(
        found, links=[structs.replace(found.links[0], data="{}"), *found.links[1:]]
    ),
    "no mail": lambda found: replace(found, mails=Counter()),
    "mailed twice": lambda found: replace(
        found, mails=Counter(dict.fromkeys(found.mails, 2 + found.doubtful))
    ),
    "mailed under two names": lambda found: replace(
        found, mails=found.mails + Counter(["<another@ledgerpress.example>"])
    ),
    "asked without need": lambda found: replace(
        found, calls=Counter({each: 2 + found.lost[each] for each in found.calls})
    ),
}


@pytest.mark.parametrize("falsify", FALSIFIED.values(), ids=FALSIFIED)
def test_the_verdict_misses_nothing(
    aftermath: Aftermath, falsify: Callable[[Evidence], Evidence]
) -> None:
    mailed = next(each for each in aftermath.evidence if each.mails)

    assert list(complaints(mailed)) == []
    assert list(complaints(falsify(mailed))) != []
