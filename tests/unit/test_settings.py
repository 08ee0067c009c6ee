"""Settings: read once, every fault named at once, no secret shown."""

import base64
from pathlib import Path

import pytest

from storage.settings import BadSettings, load, read_from, redacted

GOOD = {
    "DATABASE_URL": "postgresql://canary:canary@127.0.0.1/x",
    "RABBITMQ_URL": "amqp://canary:canary@127.0.0.1/",
    "BLOB_URL": "file:///var/lib/ledgerpress/blobs",
    "VAULT_KEY": base64.b64encode(b"canary" + b"x" * 26).decode(),
    "OPENAI_API_KEY": "sk-canary",
    "SMTP_URL": "smtp://canary:canary@127.0.0.1:25",
    "MAIL_FROM": "reports@ledgerpress.example",
    "STRIPE_WEBHOOK_SECRET": "whsec_canary1,whsec_canary2",
    "PUBLIC_URL": "https://reports.example",
    "OPERATOR_TOKEN": "canary",
}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without ``.env``, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in (*GOOD, "SPEED", "AUDITOR_TOKEN", "DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def dotenv(folder: Path, **changes: str) -> None:
    lines = [f"{name}={value}" for name, value in {**GOOD, **changes}.items()]
    (folder / ".env").write_text("\n".join(lines))


def test_a_complete_env_file_is_enough(empty: Path) -> None:
    dotenv(empty)

    settings = load()

    assert [each.get_secret_value() for each in settings.stripe_webhook_secret] == [
        "whsec_canary1",
        "whsec_canary2",
    ]


def test_all_that_is_wrong_is_named_at_once_and_no_value_is_shown(empty: Path) -> None:
    dotenv(empty, VAULT_KEY="canary", BLOB_URL="canary", SPEED="-1", OPENAI_KEY="canary")
    text = (empty / ".env").read_text().replace(f"MAIL_FROM={GOOD['MAIL_FROM']}\n", "")
    (empty / ".env").write_text(text)

    with pytest.raises(BadSettings) as raised:
        load()
    message = str(raised.value)
    for name in (
        "VAULT_KEY",
        "BLOB_URL",
        "SPEED",
        "MAIL_FROM is missing",
        "OPENAI_KEY is not a setting",
    ):
        assert name in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_FROM", "not an address"),
        ("MAIL_FROM", "a@example.com\r\nBcc: b@example.com"),
        ("OPENAI_API_KEY", ""),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://127.0.0.1:mail"),
        ("PUBLIC_URL", "http://"),
        ("DATABASE_URL", "mysql://127.0.0.1/x"),
        ("WORKER_THREADS", "0"),
        ("WORKER_THREADS", "65"),
    ],
)
def test_a_broken_setting_is_found_before_anything_starts(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        read_from({**GOOD, name: value})


def test_an_empty_token_is_nobodys() -> None:
    assert read_from({**GOOD, "OPERATOR_TOKEN": ""}).operator_token is None


@pytest.mark.parametrize(("said", "threads"), [({}, None), ({"WORKER_THREADS": ""}, None)])
def test_the_number_of_threads_is_the_products_unless_it_is_said(
    said: dict[str, str], threads: int | None
) -> None:
    assert read_from({**GOOD, **said}).worker_threads == threads
    assert read_from({**GOOD, "WORKER_THREADS": "8"}).worker_threads == 8


def test_the_environment_goes_before_the_file(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv(empty, SPEED="2")
    monkeypatch.setenv("SPEED", "3")

    assert load().speed == 3


def test_what_is_meant_for_compose_is_left_to_it(empty: Path) -> None:
    dotenv(empty, COMPOSE_DATABASE_PASSWORD="x")

    assert load().speed == 1


def test_settings_that_are_handed_over_stand_alone(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv(empty, SPEED="2")
    monkeypatch.setenv("SPEED", "3")

    assert read_from(GOOD).speed == 1


def test_settings_are_printed_without_their_secrets() -> None:
    assert "canary" not in str(redacted(read_from(GOOD)))
    assert "canary" not in repr(read_from(GOOD))
