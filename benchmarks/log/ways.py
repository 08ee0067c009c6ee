"""What is written, and the two ways to write it: as the house does, and as one bare INSERT."""

import uuid
from collections.abc import Callable

import msgspec
import psycopg

from storage import event_log
from storage.event_log import Fact, Writing

# What an intent or a fact without text holds.
DATA = '{"attempt":1,"model":"gpt-4.1-mini","most":41216,"sections":["section-041","section-042"],"sealed":"%s"}'
SEALED = "TmluZSB0aW1lcyBvdXQgb2YgdGVuIGl0IGlzIHRoZSBzYW1lLCBhbmQgdGhlIHRlbnRoIGl0IGlzIG5vdC4g" * 2
META = '{"correlation":"%s","causation":"evt_1NG8Du2eZvKYlo2C","actor":"life_clarity@worker-1:41","code":"0.1.0"}'
_ROW = (
    '{{"order_id":"{order}","tenant":"bench","product":"bench_short","word":"writing","workable":true,"spent":{n},'
    '"reserved":0,"tell_at":null,"session":"cs_{order}","intent":"pi_{order}","parent":null,"subject":"{order}",'
    '"token_hash":"\\\\x{token}","status":{{"order":"{order}","version":{n},"product":"bench_short","tenant":"bench",'
    '"word":"writing","progress":{{"done":{n},"total":161,"unit":"sections","percent":41,"now":["A title"]}},'
    '"spent":{{"calls":{n},"tokens":1400,"cost":{n},"lost":0,"lost_cost":0}},"attempt":1,"retry_at":"","reason":"",'
    '"detail":"","advice":"","parent":"","parts":[],"document":"","pages":0,"size":0}}}}'
)
FLOOR = """
    create table floor (
        seq bigint generated always as identity primary key, stream text not null, version int not null,
        event_id uuid not null, type text not null, schema smallint not null, data json not null, meta json not null,
        recorded_at timestamptz not null default clock_timestamp())
"""
_INSERT = """
    insert into floor (stream, version, event_id, type, schema, data, meta)
    values (%(stream)s, %(version)s, %(id)s, 'sections-asked', 1, %(data)s, %(meta)s)
"""
Write = Callable[[int], object]


def bare(connection: psycopg.Connection[object], order: str) -> Write:
    """One bare INSERT into a table without any constraint but its key."""
    data, meta = DATA % SEALED, META % order

    def write(version: int) -> object:
        values = {
            "stream": order,
            "version": version,
            "id": uuid.uuid4(),
            "data": data,
            "meta": meta,
        }
        return connection.execute(_INSERT, values)

    return write


def house(connection: psycopg.Connection[object], order: str) -> Write:
    """The house's own statement: version, fence, hash, event, status row."""
    data, meta, token = DATA % SEALED, META % order, uuid.UUID(order).hex * 2

    def write(version: int) -> object:
        fact = Fact(id=uuid.uuid4(), type="sections-asked", schema=1, data=data)
        entry = _ROW.format(order=order, n=version, token=token).encode()
        writing = Writing(
            stream=f"order-{order}",
            facts=[fact],
            meta=meta,
            expected=version - 1,
            fence=0,
            entry=msgspec.Raw(entry),
        )
        (written,) = event_log.write(connection, [writing])
        assert written.new
        return written

    return write
