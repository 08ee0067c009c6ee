"""One processor for all threads of a worker (ADR 23).

One thread of an interpreter runs at a time. Where its threads are spread over several processors, each hand-over wakes
another processor up, which takes longer than most of what the thread then does.
"""

import os
import random
import socket
from collections.abc import Collection

from storage.telemetry import log

_NAME = "ledgerpress processor"
# What keeps the other workers from the processor that this process has chosen.
_names: list[socket.socket] = []


def keep_to_one() -> Collection[int]:
    """Keep this process, with all it starts from now on, to one processor that no other worker of this machine has.

    It stays this process's until it ends. If all are taken, there is no choice, or it is forbidden, everything stays as
    it is. Workers in other network namespaces (containers) are not seen. Returns where this process might run before,
    for those that it starts and that have much to compute.
    """
    if not hasattr(os, "sched_setaffinity"):
        return ()
    allowed = os.sched_getaffinity(0)
    if len(allowed) > 1 and (chosen := _take(allowed)) is not None:
        try:
            os.sched_setaffinity(0, {chosen})
        except OSError:  # forbidden here, or that processor has just gone
            _names.pop().close()
        else:
            log.info("kept to one processor", processor=chosen)
    return allowed


def _take(processors: Collection[int]) -> int | None:
    """One of them that no other worker has, or ``None``."""
    for number in random.sample(sorted(processors), len(processors)):
        # A name without a file: it is free again as soon as its process has ended, however that ends.
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0{_NAME} {number}")
        except OSError:
            name.close()
        else:
            _names.append(name)
            return number
    return None
