"""``Prefer: wait=25``: the client would rather wait for news than ask again (RFC 7240)."""

import re
from typing import Annotated

from fastapi import Depends, Header

_WAIT = re.compile(r"wait=(\d{1,9})")
# Longer than this no request is held, in seconds: proxies would give it up.
LONGEST = 60


def _seconds(
    prefer: Annotated[
        str, Header(description="`wait=25` holds the answer until there is news, up to 60 s.")
    ] = "",
) -> int:
    for each in prefer.split(","):
        preference = each.partition(";")[0].strip().lower()
        if found := _WAIT.fullmatch(preference):
            return min(int(found[1]), LONGEST)
    return 0


# How long the client would wait, in seconds; 0 if it did not say.
Patience = Annotated[int, Depends(_seconds)]
