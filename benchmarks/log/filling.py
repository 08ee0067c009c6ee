"""Fills a log with many events, as append() and seal() make them, in as few statements as possible."""

from typing import Any

import psycopg

from benchmarks.log.ways import DATA, META, SEALED

_STREAM = 500
_FILL = """
    select count(*) from generate_series(%(first)s::int, %(last)s::int) s
    cross join lateral append(
        'order-' || md5('stream ' || s)::uuid, 0, null, null, false,
        (select array_agg(md5(s || '/' || n)::uuid) from generate_series(1, %(each)s::int) n),
        array_fill('sections-asked'::text, array[%(each)s::int]), array_fill(1::smallint, array[%(each)s::int]),
        array_fill(%(data)s::text, array[%(each)s::int]), %(meta)s) a
"""


def fill(ask: psycopg.Connection[Any], number: int) -> None:
    """Append and seal so many events, 500 to a stream."""
    ask.execute("set search_path = ledgerpress")
    each = min(_STREAM, number)
    values = {"each": each, "data": DATA % SEALED, "meta": META % "bench"}
    streams = number // each
    for first in range(1, streams + 1, 20):
        last = min(first + 19, streams)
        ask.execute(_FILL.encode(), {**values, "first": first, "last": last})
        while (row := ask.execute("select count from seal(10000)").fetchone()) and row[0]:
            pass
    ask.execute("vacuum analyze events, sealed")
