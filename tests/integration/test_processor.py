"""A worker's threads share a processor that no other worker has, and its press may run anywhere."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.press.rendering import Press

# Says where it might run, and where a thread of it may, and stays until it is told to go. Among others of its name.
_WORKER = """
import os, sys, threading
from actors import processor
processor._NAME = sys.argv[1]
os.sched_setaffinity(0, map(int, sys.argv[2:]))
before = processor.keep_to_one()
thread = threading.Thread(target=lambda: print(sorted(before), sorted(os.sched_getaffinity(0)), flush=True))
thread.start()
sys.stdin.read()
"""

# The real one, among others of its name, with a queue on which nobody else relies.
_REAL_WORKER = """
import sys
from dataclasses import replace
from actors import processor, worker
from events.products import find
from storage.settings import load
from storage.telemetry import start_logging
processor._NAME = sys.argv[1]
start_logging("json")
product = replace(find("life_clarity"), name="test_processor")
sys.exit(worker.run(product, {product.name: product}, load()))
"""


@contextmanager
def worker(name: str, *processors: int) -> Iterator[list[list[int]]]:
    """A process that keeps to one of these processors: where it might run before, and where its threads may."""
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER, name, *map(str, processors)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        said = next(line for line in iter(process.stdout.readline, "") if line.startswith("["))
        yield [[int(each) for each in part.split(",")] for part in said.strip("[]\n").split("] [")]


def test_no_two_workers_share_a_processor_while_another_is_free() -> None:
    name, some = str(uuid.uuid4()), sorted(os.sched_getaffinity(0))[:2]
    with worker(name, *some) as first, worker(name, *some) as second, worker(name, *some) as third:
        if len(some) == 1:
            assert first == second == third == [some, some], "there is nothing to choose"
            return
        assert sorted([first[1], second[1]]) == [[each] for each in some]
        assert third == [some, some], "all are taken: it stays as it was"
    with worker(name, *some) as heir:
        assert len(heir[1]) == 1, "who has ended holds nothing"


def test_who_has_no_choice_takes_nobody_anything() -> None:
    name, some = str(uuid.uuid4()), sorted(os.sched_getaffinity(0))[:2]
    with worker(name, some[0]) as bound, worker(name, *some) as free:
        assert bound == [[some[0]], [some[0]]]
        assert len(free[1]) == 1


def test_all_threads_of_a_worker_process_share_one(environment: dict[str, str]) -> None:
    name = str(uuid.uuid4())
    with subprocess.Popen(
        [sys.executable, "-c", _REAL_WORKER, name],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        try:
            assert any("worker started" in line for line in iter(process.stderr.readline, ""))
            tasks = Path(f"/proc/{process.pid}/task").iterdir()
            found = {frozenset(os.sched_getaffinity(int(each.name))) for each in tasks}
        finally:
            process.terminate()
            process.stderr.read()
    (shared,) = found
    assert len(shared) == 1


def test_the_press_runs_where_the_worker_might() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with Press(processors=allowed) as press:
            press.render("<p>Somewhere.</p>")
            assert press._room
            assert os.sched_getaffinity(press._room._process.pid) == allowed
    finally:
        os.sched_setaffinity(0, allowed)
