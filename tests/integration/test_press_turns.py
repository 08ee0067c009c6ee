"""Workers of one machine take turns at the press, in real processes."""

import fcntl
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

import pytest

from actors.press.turns import Turns, shared_folder
from events.errors import Refused, Unavailable

PLACES = 2
# Forked from a process with threads, a child might hang.
FRESH = multiprocessing.get_context("spawn")


def note(diary: Path, word: str) -> None:
    """Add a line; the kernel keeps lines of several processes apart."""
    file = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{word}\n".encode())
    os.close(file)


def at_work(diary: Path) -> list[int]:
    """How many were, after each line."""
    return [*accumulate({"+": 1, "-": -1}.get(line[0], 0) for line in lines(diary))]


def locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines()


def take_turns(folder: Path, places: int, name: str, times: int, until: Path | None = None) -> None:
    """What a worker does, as far as others can see it: until a file is there, or so many times."""
    turns = Turns(places, folder)
    for _ in range(times):
        if until and until.exists():
            return
        note(folder / "diary", f"?{name}")
        with turns.taken():
            note(folder / "diary", f"+{name}")
            time.sleep(0.01)
            # Where several are to meet, nobody is done before they have; or before somebody stands in the line.
            while not until and max(at_work(folder / "diary")) < places:
                time.sleep(0.01)
            while until and not until.exists() and not locked(folder / "gate"):
                time.sleep(0.001)
            note(folder / "diary", f"-{name}")


def run(works: Iterable[tuple[Path, int, str, int]]) -> None:
    processes = [FRESH.Process(target=take_turns, args=work) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_never_more_are_at_work_than_there_are_places(tmp_path: Path) -> None:
    run((tmp_path, PLACES, str(number), 20) for number in range(5))

    assert len(lines(tmp_path / "diary")) == 5 * 20 * 3
    assert max(at_work(tmp_path / "diary")) == PLACES


def test_a_short_report_waits_for_a_piece_of_a_long_one_and_not_for_all_of_it(
    tmp_path: Path,
) -> None:
    done = tmp_path / "done"
    long = FRESH.Process(target=take_turns, args=(tmp_path, 1, "long", 5000, done), daemon=True)
    long.start()
    while not (tmp_path / "diary").exists():
        time.sleep(0.01)

    take_turns(tmp_path, 1, "short", 10)
    done.touch()
    long.join(60)

    told = lines(tmp_path / "diary")
    asked, begun = ([at for at, line in enumerate(told) if line == f"{how}short"] for how in "?+")
    between = [told[i:j].count("+long") for i, j in zip(asked, begun, strict=True)]
    assert len(between) == 10
    assert max(between) <= 2


def test_who_is_killed_leaves_a_free_place(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from actors.press.turns import Turns\n"
        "with Turns(1, Path(sys.argv[1])).taken(): print('here', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "here\n"
        holder.send_signal(signal.SIGKILL)

    with Turns(1, tmp_path).taken():
        note(tmp_path / "diary", "+next")
    assert (tmp_path / "diary").exists()


def test_a_link_that_somebody_laid_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("theirs")
    (tmp_path / "gate").symlink_to(tmp_path / "victim")

    with pytest.raises(Unavailable), Turns(1, tmp_path).taken():
        pytest.fail("the link was followed")


def test_the_folder_is_this_users_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    folder = shared_folder()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert shared_folder() == folder
    assert shared_folder(str(tmp_path / "named")) == tmp_path / "named"


def test_a_folder_that_cannot_be_made_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match="PRESS_FOLDER"):
        shared_folder(str(tmp_path / "file" / "below"))
