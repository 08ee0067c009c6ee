"""How an order is followed on the command line: each of its versions, until it is settled or needs a person."""

import time
from collections.abc import Iterable

from api.cli._answer import Answer
from api.cli._order_acts import found_row, house
from api.cli._order_shown import as_data, line_of
from events.views import SETTLED, Word

_LOOK_SECONDS = 0.5


def follow(order: str) -> Iterable[Answer]:
    """The order each time it has moved. Raises ``NotFound``."""
    with house() as (log, _):
        seen = 0
        while True:
            row = found_row(log, order)
            if row.status.version != seen:
                seen = row.status.version
                percent = row.status.progress.percent
                yield Answer(data=as_data(row), shown=[line_of(row)], percent=percent)
            if row.status.word in (*SETTLED, Word.ATTENTION):
                return
            time.sleep(_LOOK_SECONDS)
