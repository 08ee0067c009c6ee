"""What a bundle is made of: a span of time, an order with its parts; and an auditor who has a login and no more."""

import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url

from events.envelope import Cause
from events.errors import NotFound
from events.moments import BadMoment, read_bound
from storage import readings
from storage.bundle.scope import NotSigned, OfOrder, Span, WholeLog
from storage.bundle.span import positions
from storage.checkpoints import Folder, sign
from storage.database import connected
from storage.disk import Disk
from storage.record import Log
from storage.sealer import seal_all
from tests.conftest import Server
from tests.examples import ORDER, SUBJECT, paid, placed
from tests.forking import ledgerpress
from tests.integration.conftest import OPERATOR
from tests.integration.test_bundle import KEY, contents, exported, judged
from tests.integration.test_checkpoints import OURS
from tests.integration.test_sealer import write
from tests.integration.test_sessions import log_in

CAUSE = Cause(correlation="c-1", causation="evt_1", actor="test")
FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(Disk(tmp_path / "blobs"))


@pytest.fixture
def days(orders_log: Log, database: str, folder: Folder) -> Log:
    """Ten events a day for nine days, from the first of November on, a minute apart from noon on; all signed."""
    for number in range(9):
        write(orders_log.engine, f"order-{number}", 10)
    with psycopg.connect(database) as superuser:
        superuser.execute("set search_path = ledgerpress")
        superuser.execute("alter table events disable trigger never_changed")
        superuser.execute("alter table events disable trigger user")
        superuser.execute(
            """update events set recorded_at = %s + make_interval(days => (seq - 1)::int / 10,
                                                                  mins => (seq - 1)::int %% 10)""",
            [FIRST],
        )
        superuser.execute(
            """do $$ declare e record; h bytea; begin
                for e in select * from events order by stream, version loop
                    h := case when e.version = 1 then sha256(convert_to(e.stream, 'UTF8')) else h end;
                    update events set previous = h, hash = event_hash(h, e.stream, e.version, e.event_id, e.type,
                        e.schema, e.recorded_at, e.fence, e.data::text, e.meta::text) where seq = e.seq
                        returning hash into h;
                end loop;
            end $$"""
        )
        superuser.execute("alter table events enable always trigger never_changed")
    seal_all(orders_log.engine)
    assert sign(orders_log.engine, OURS, folder)
    return orders_log


def at(day: int, minute: int = 0) -> datetime:
    return FIRST + timedelta(days=day - 1, minutes=minute)


def span(log: Log, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    with connected(log.engine) as connection:
        return positions(connection, since, until)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, (1, 90)),
        (at(3), at(4), (21, 30)),
        (at(3, 1), at(3, 5), (22, 25)),
        (at(3) + timedelta(microseconds=1), None, (22, 90)),
        (None, at(1, 1), (1, 1)),
        (at(-5), at(2), (1, 10)),
        (at(9, 9), at(99), (90, 90)),
        (at(2, 30), at(4), (21, 30)),
    ],
)
def test_a_span_holds_what_was_recorded_then(
    days: Log, since: datetime | None, until: datetime | None, expected: tuple[int, int]
) -> None:
    assert span(days, since, until) == expected


@pytest.mark.parametrize(
    ("since", "until"),
    [(None, at(1)), (at(-9), at(0)), (at(9, 10), None), (at(3, 20), at(3, 40))],
)
def test_a_time_of_which_nothing_is_told_says_what_there_is(
    days: Log, since: datetime | None, until: datetime | None
) -> None:
    with pytest.raises(NotFound, match=r"from 2026-11-01T12:00:00\.000000Z to 2026-11-09T12:09"):
        span(days, since, until)


def test_a_log_without_events_has_no_time(orders_log: Log) -> None:
    with pytest.raises(NotFound, match="nothing has been sealed"):
        span(orders_log, None, at(3))


def test_a_bundle_of_a_span_is_verified_and_says_what_is_newer(days: Log, tmp_path: Path) -> None:
    verdict = judged(exported(days, tmp_path / "span.zip", Span(at(8), None)))
    assert (verdict.kind, verdict.first, verdict.last, verdict.left_out) == ("range", 71, 90, 0)

    write(days.engine, "order-new", 3)
    seal_all(days.engine)
    with pytest.raises(NotSigned):
        exported(days, tmp_path / "new.zip", Span(at(15), None))
    more = judged(exported(days, tmp_path / "more.zip", Span(at(8), None)))
    assert (more.last, more.left_out) == (90, 3)


def test_a_date_counts_as_a_whole() -> None:
    day = datetime(2026, 11, 3, tzinfo=UTC)

    assert read_bound("2026-11-03", last=False) == day
    assert read_bound("2026-11-03", last=True) == day + timedelta(days=1)
    assert read_bound("2026-11-03T02:00:00+02:00", last=True) == day


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-03T02:00:00", "37"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadMoment, match="is neither a date"):
        read_bound(text, last=True)


def test_the_command_line_takes_dates(
    days: Log, environment: dict[str, str], tmp_path: Path
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = ledgerpress("audit", *arguments, folder=tmp_path, environment=environment)
        return done.returncode, done.stdout + done.stderr

    assert days
    code, told = run("export", "--since", "2026-11-03", "--until", "2026-11-04", "-o", "s.zip")
    assert (code, told) == (0, "s.zip: 20 events of the log at 90\n")
    assert run("verify", "s.zip", "--key", KEY)[0] == 0
    for wrong in (
        ["--since", "soon"],
        ["--until", "9999-12-31T23:59:59Z"],
        ["--since", "2026-11-04", "--until", "2026-11-03"],
        ["--since", "2026-11-04", "--all"],
        [ORDER, "--until", "2026-11-04"],
        ["--from", "3"],
    ):
        code, told = run("export", *wrong, "-o", "w.zip")
        assert (code, "Traceback" in told) == (2, False), told
    code, told = run("export", "--until", "2026-10-31", "-o", "w.zip")
    assert (code, "nothing was recorded then" in told) == (3, True)
    assert not (tmp_path / "w.zip").exists()


@pytest.fixture
def bundle(orders_log: Log, folder: Folder) -> list[str]:
    """A bundle and its parts, the last of which is not signed yet."""
    parts = [str(uuid.uuid4()) for _ in range(3)]
    history = orders_log.begin(ORDER, uuid.UUID(SUBJECT))
    orders_log.record(history, [placed("bundle"), paid()], CAUSE)
    for part in parts:
        if part == parts[-1]:
            seal_all(orders_log.engine)
            assert sign(orders_log.engine, OURS, folder)
        history = orders_log.begin(part, uuid.UUID(SUBJECT))
        event = placed(parent=ORDER, parent_product="bundle", session="", intent="")
        orders_log.record(history, [event, paid()], CAUSE)
    return [ORDER, *parts]


def test_a_bundles_order_comes_with_its_parts(
    bundle: list[str], orders_log: Log, tmp_path: Path
) -> None:
    path = exported(orders_log, tmp_path / "bundle.zip", OfOrder(ORDER))

    verdict = judged(path)
    assert (verdict.order, verdict.events, verdict.streams, verdict.left_out) == (ORDER, 6, 3, 2)
    page = contents(path)["index.html"].decode()
    whole = contents(exported(orders_log, tmp_path / "log.zip", WholeLog()))["index.html"].decode()
    assert "The whole log, 1 to 6" in whole
    assert "order-placed" in whole
    assert not any(f"order-{each}" in whole for each in bundle)
    assert all(f"order-{each}" in page for each in bundle[:3])


def test_who_takes_it_leaves_a_look_at_each_of_them(
    bundle: list[str],
    orders_log: Log,
    http: httpx.Client,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    log_in(http, "auditor-secret", "/audit")

    pages = [f"/audit/orders/{ORDER}/evidence", f"/audit/orders/{ORDER}/bundle.zip"]
    answers = [http.get(path) for path in pages]
    answers.append(http.get(f"/v1/audit/bundles/{ORDER}", headers=OPERATOR))
    ran = ledgerpress("audit", "export", ORDER, folder=tmp_path, environment=environment)

    assert ([each.status_code for each in answers], ran.returncode) == ([200] * 3, 0)
    for each in bundle:
        assert [(look.who, look.what) for look in readings.of_order(orders_log.engine, each)] == [
            ("auditor", "evidence"),
            ("auditor", "bundle"),
            ("operator", "bundle"),
            ("operator", "bundle"),
        ]


def test_a_part_comes_alone(bundle: list[str], orders_log: Log, tmp_path: Path) -> None:
    verdict = judged(exported(orders_log, tmp_path / "part.zip", OfOrder(bundle[1])))

    assert (verdict.order, verdict.events, verdict.streams) == (bundle[1], 2, 1)


@pytest.fixture
def auditor(server: Server, database: str) -> Iterator[str]:
    """A login that an auditor was given."""
    name = f"anna_{secrets.token_hex(4)}"
    server.execute(f"create role {name} login password 'canary' in role ledgerpress_auditor")
    url = make_url(database).set(username=name, password="canary")
    yield url.render_as_string(hide_password=False)
    server.execute(f"drop role {name}")


def test_an_auditor_with_a_login_and_nothing_else_verifies_and_exports(
    bundle: list[str], auditor: str, tmp_path: Path
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        environment = {"DATABASE_URL": auditor}
        done = ledgerpress("audit", *arguments, folder=tmp_path, environment=environment)
        return done.returncode, done.stdout, done.stderr

    code, told, talk = run("verify", "--key", KEY)
    assert (code, told.startswith("sound: 8 events")) == (0, True), talk
    assert "published checkpoints were not compared" in talk
    code, _, talk = run("export", bundle[0], "-o", "b.zip")
    assert (code, "the look was not noted" in talk) == (0, True)
    assert judged(tmp_path / "b.zip").events == 6
    assert run("checkpoint")[0] == 2
