"""Processes of ours, forked from one that has imported everything: a hundred start in the time of five."""

import os
import pkgutil
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from api import cli

ROOT = Path(__file__).resolve().parent.parent
# Seconds that a command may take.
_PATIENCE = 240.0
_PLACES = ("PATH", "LD_LIBRARY_PATH")

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "sandbox.crashing",
        "tests.forking",
        *(f"api.cli.{name}" for _, name, _ in pkgutil.iter_modules(cli.__path__) if name[0] != "_"),
    ]
)


def run(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] = os.environ,
    folder: Path = ROOT,
    given: str = "",
) -> subprocess.CompletedProcess[str]:
    """``python -m module ...`` in ``folder``, with ``given`` to read.

    It finds nothing in its environment but ``environment``, and where programs and libraries are.
    """
    with TemporaryDirectory() as name:
        papers = Path(name)
        (papers / "0").write_text(given, "utf-8")
        process = FORKS.Process(
            target=_command, args=(module, arguments, dict(environment), folder, papers)
        )
        process.start()
        process.join(_PATIENCE)
        code = process.exitcode
        if code is None:
            process.kill()
            raise subprocess.TimeoutExpired([module, *arguments], _PATIENCE)
        said, complained = ((papers / each).read_text("utf-8") for each in "12")
    return subprocess.CompletedProcess(arguments, code, said, complained)


ledgerpress = partial(run, "api.cli")


def _command(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    papers: Path,
) -> None:
    os.setsid()
    places = {name: os.environ[name] for name in _PLACES if name in os.environ}
    os.environ.clear()
    os.environ.update({**places, **environment})
    os.chdir(folder)
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        os.dup2(os.open(papers / str(number), flags | os.O_CREAT, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the process ends with it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
