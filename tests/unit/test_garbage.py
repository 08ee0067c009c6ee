"""Python's garbage collector waits until a process has begun, and then does its work."""

import subprocess
import sys

_PROCESS = """
import gc, weakref
from storage.garbage import collect_nothing_yet, collect_seldom

class Circle:
    def __init__(self):
        self.itself = self

def remains(circles):
    watched = weakref.ref(Circle())
    kept = [Circle() for _ in range(circles)]
    return watched() is not None

collect_nothing_yet()
begins = remains(30_000)
collect_seldom()
print(begins, remains(30_000))
"""


def test_what_a_process_loads_is_not_looked_through_and_what_it_does_later_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROCESS], check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == ["True", "False"]
