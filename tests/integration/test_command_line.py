"""The ``ledgerpress`` command as others call it: data on stdout, talk on stderr, and an exit code for how it went."""

import json
import os
import pty
import secrets
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import ROOT, Server
from tests.forking import ledgerpress

INSTALLED = Path(sysconfig.get_path("scripts")) / "ledgerpress"
BARE = {
    name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH", "HOME"}
}


def afresh(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Start it in ``folder`` with nothing but ``environment``."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=folder,
        env={**BARE, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


WORD = '''
"""A word as somebody might add it."""
from api.cli._answer import Answer, Rows
from api.cli._ending import BROKEN, CONFLICT, Stopped
from api.cli._word import Word
from events.errors import Conflict, NotFound, Unavailable

word = Word("Samples.")

@word.verb("count")
def count(most: int):
    """Count."""
    for number in range(1, most + 1):
        yield Answer(data={"number": number}, shown=[f"number {number}"], talk="counting")

@word.verb("raise")
def fail(kind: str):
    """Fail."""
    if kind == "bug":
        raise ValueError("canary")
    if kind == "stopped":
        raise Stopped(CONFLICT, "it was cancelled already", next_="ledgerpress sample count 1")
    raise {"missing": NotFound, "away": Unavailable, "conflict": Conflict}[kind]("no")

@word.verb("broken")
def broken():
    """Break."""
    return Answer(data=[], shown=Rows(("name",), []), code=BROKEN, next_="look")
'''


@pytest.fixture
def sample(tmp_path: Path) -> dict[str, str]:
    """Run with this environment, the command has one word more: ``sample``."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "sample.py").write_text(WORD, "utf-8")
    (tmp_path / "sitecustomize.py").write_text(
        f"import api.cli\napi.cli.__path__.append({str(tmp_path / 'words')!r})\n", "utf-8"
    )
    return {"PYTHONPATH": f"{tmp_path}:{ROOT}"}


def test_it_is_installed_under_its_name() -> None:
    ran = subprocess.run([INSTALLED, "--help"], capture_output=True, text=True, check=True)

    for word in ("run", "db", "product"):
        assert f"\n  {word} " in ran.stdout


def test_json_is_one_line_on_stdout_and_nothing_else(tmp_path: Path) -> None:
    ran = ledgerpress("product", "list", "--json", environment={}, folder=tmp_path)

    assert ran.stdout.count("\n") == 1
    assert "life_clarity" in [each["product"] for each in json.loads(ran.stdout)]
    assert (ran.returncode, ran.stderr) == (0, "")


def test_where_nobody_looks_a_table_is_lines_of_values(tmp_path: Path) -> None:
    ran = ledgerpress("product", "list", environment={}, folder=tmp_path)

    names = [line.split("\t")[0] for line in ran.stdout.splitlines()]
    assert "life_clarity" in names
    assert all(line.count("\t") == 4 for line in ran.stdout.splitlines())


def test_on_a_terminal_a_table_has_a_head(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**BARE, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "dumb"}
    subprocess.run(
        [sys.executable, "-m", "api.cli", "product", "list"],
        cwd=tmp_path,
        env=environment,
        stdout=theirs,
        check=True,
    )
    os.close(theirs)

    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert shown.split()[:3] == ["product", "title", "sections"]


def test_other_commands_start_without_the_web_server(tmp_path: Path) -> None:
    look = (
        "import sys\nfrom api.cli import main\nsys.argv = ['ledgerpress', 'product', 'list']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'fastapi', 'uvicorn', 'sqlalchemy'} & set(sys.modules)), file=sys.stderr)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", look],
        cwd=tmp_path,
        env={**BARE, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stderr == "[]\n"


@pytest.mark.parametrize("arguments", [["prodct"], ["product", "list", "--bad"], ["run", "worker"]])
def test_a_wrong_command_is_2_and_says_where_help_is(tmp_path: Path, arguments: list[str]) -> None:
    ran = ledgerpress(*arguments, environment={}, folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[-1].startswith("next: ledgerpress")
    assert ran.stderr.splitlines()[-1].endswith("--help")


def test_missing_settings_are_2_and_say_where_they_are_explained(tmp_path: Path) -> None:
    ran = ledgerpress("db", "check", environment={}, folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "DATABASE_URL is missing" in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("next: docs/settings.md")


def test_a_worker_of_a_product_that_is_not_sold_is_3(tmp_path: Path) -> None:
    ran = ledgerpress("run", "worker", "nothing", environment={}, folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.splitlines()[-1] == "next: ledgerpress product list"


def test_a_database_that_is_away_is_4_and_its_password_is_not_said(tmp_path: Path) -> None:
    url = "postgresql://canary:canary@127.0.0.1:9/x"

    ran = ledgerpress("db", "check", folder=tmp_path, environment={"DATABASE_URL": url})

    assert (ran.returncode, ran.stdout) == (4, "")
    assert "ledgerpress doctor" in ran.stderr
    assert "canary" not in ran.stderr


def test_with_json_an_error_is_one_object_on_stderr(tmp_path: Path) -> None:
    ran = ledgerpress("product", "list", "--json", "--bad", environment={}, folder=tmp_path)

    error = json.loads(ran.stderr)["error"]
    assert ran.stdout == ""
    assert sorted(error) == ["exit_code", "message", "next", "reason"]
    assert error["exit_code"] == ran.returncode == 2


def test_a_schema_that_is_behind_is_1_and_says_what_to_run(tmp_path: Path, server: Server) -> None:
    environment = {"DATABASE_URL": server.at("postgres")}

    ran = ledgerpress("db", "check", "--json", folder=tmp_path, environment=environment)

    assert ran.returncode == 1
    assert json.loads(ran.stdout)["revision"] is None


def test_a_login_that_was_never_given_the_role_is_1_as_well(
    tmp_path: Path, server: Server, database: str
) -> None:
    name = f"stranger_{secrets.token_hex(4)}"
    server.execute(f"create role {name} login password 'canary'")
    url = make_url(database).set(username=name, password="canary")
    environment = {"DATABASE_URL": url.render_as_string(hide_password=False)}

    ran = ledgerpress("db", "check", folder=tmp_path, environment=environment)

    server.execute(f"drop role {name}")
    assert ran.returncode == 1
    assert ran.stderr == "next: ledgerpress db upgrade\n"


def test_a_schema_is_brought_up_to_date_twice(database: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": database}

    ran = [
        ledgerpress("db", verb, "--json", folder=tmp_path, environment=environment)
        for verb in ("upgrade", "upgrade", "check")
    ]

    assert [each.returncode for each in ran] == [0, 0, 0]
    assert json.loads(ran[0].stdout) == json.loads(ran[1].stdout)


@pytest.mark.parametrize(
    ("kind", "code"), [("missing", 3), ("away", 4), ("conflict", 5), ("stopped", 5), ("bug", 1)]
)
def test_every_error_has_its_exit_code_and_a_next_step(
    tmp_path: Path, sample: dict[str, str], kind: str, code: int
) -> None:
    ran = afresh("sample", "raise", kind, folder=tmp_path, environment=sample)

    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.splitlines()[-1].startswith("next: ")
    assert "canary" not in ran.stderr


def test_an_integrity_failure_is_6_and_an_empty_list_stays_a_list(
    tmp_path: Path, sample: dict[str, str]
) -> None:
    plain = afresh("sample", "broken", folder=tmp_path, environment=sample)
    as_json = afresh("sample", "broken", "--json", folder=tmp_path, environment=sample)

    assert (plain.returncode, plain.stdout, plain.stderr) == (6, "", "next: look\n")
    assert (as_json.returncode, as_json.stdout) == (6, "[]\n")


def test_what_comes_one_by_one_is_a_line_of_json_each(
    tmp_path: Path, sample: dict[str, str]
) -> None:
    ran = afresh("sample", "count", "2", "--json", folder=tmp_path, environment=sample)

    assert ran.stdout == '{"number":1}\n{"number":2}\n'
    assert ran.stderr == ""


def test_a_reader_who_leaves_gets_no_stack_trace(tmp_path: Path, sample: dict[str, str]) -> None:
    command = f"{sys.executable} -m api.cli sample count 100000 --json 2>errors | head -1"

    subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={**BARE, **sample},
        stdout=subprocess.DEVNULL,
        check=True,
    )

    assert (tmp_path / "errors").read_text("utf-8") == ""
