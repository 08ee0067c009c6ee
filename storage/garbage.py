"""Python's garbage collector in processes that stay, or that read very much: its pauses would be everybody's."""

import gc

# For a process that stays: Python's own 700 is for programs that are soon over.
OFTEN = 20_000
# For one that reads a whole log: what it makes of that has no cycles, and only has to be let go.
SELDOM = 500_000


def collect_nothing_yet() -> None:
    """For a process that begins: what it loads stays; to look through it again and again takes long."""
    gc.disable()


def collect_seldom(young: int = OFTEN) -> None:
    """Leave alone for good what is there now, and look through young objects after ``young`` more of them.

    For a process, once it has begun: from now on there is a collector, also where there was none before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, *gc.get_threshold()[1:])
    gc.enable()
