"""Python's garbage collector in processes that stay, or that read very much: its pauses would be everybody's."""

import gc

# After so many more objects the young ones are looked through; the default is 700.
_YOUNG = 50_000


def collect_seldom() -> None:
    """Leave alone for good what is there now, and look through the rest seldom. For a process, once it has begun."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
