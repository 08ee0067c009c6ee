"""Checks of the set-up: each has its own patience, and one that breaks hides none of the others."""

import threading
from collections.abc import Iterator

from events.errors import Refused, Unavailable
from storage.findings import Check, Finding, Level, look_all, warning, well


def fine() -> Iterator[Finding]:
    yield well("fine", "here")


def broken() -> Iterator[Finding]:
    yield well("broken.first", "found before it broke")
    raise ValueError("canary")


def test_one_that_breaks_is_a_finding_and_hides_nothing() -> None:
    found = list(look_all([Check("broken", broken), Check("fine", fine)]))

    assert [each.check for each in found] == ["broken.first", "broken", "fine"]
    assert found[1].level is Level.FAILURE
    assert "canary" not in str(found)


def test_one_that_hangs_is_given_up_and_keeps_what_it_found() -> None:
    begun, never = threading.Event(), threading.Event()

    def hanging() -> Iterator[Finding]:
        yield warning("hanging.first", "slow", why="because", do="wait")
        begun.set()
        never.wait()

    looking = look_all([Check("fine", fine), Check("hanging", hanging, seconds=0.3)])
    first = next(looking)
    begun.wait()
    found = [first, *looking]

    assert [each.check for each in found] == ["fine", "hanging.first", "hanging"]
    assert found[2].away
    never.set()


def test_what_is_away_is_told_from_what_is_wrong() -> None:
    def gone() -> Iterator[Finding]:
        raise Unavailable("Postgres cannot be reached")
        yield

    def refused() -> Iterator[Finding]:
        raise Refused("not like this")
        yield

    found = list(look_all([Check("gone", gone), Check("refused", refused)]))

    assert [(each.level, each.away) for each in found] == [
        (Level.FAILURE, True),
        (Level.FAILURE, False),
    ]


def test_what_needs_a_broken_setting_is_not_looked_at() -> None:
    check = Check("postgres", broken, needs=["DATABASE_URL", "VAULT_KEY"])

    (found,) = look_all([check], broken=["VAULT_KEY"])

    assert (found.level, found.found) == (Level.WARNING, "not looked at: VAULT_KEY")
