"""Checkpoints as signed notes: written as the specification says, and read back with care."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.checkpoint import BadCheckpoint, Checkpoint, Key, note, read_key, read_note
from storage.signing import Signer, signed_by

# The example of c2sp.org/signed-note, and the key that Go's golang.org/x/mod/sumdb/note documents.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ROOT = hashlib.sha256(b"root").digest()
SIGNER = Signer("reports.example/log", [hashlib.sha256(b"one").digest()])


def checkpoint(size: int = 7, previous: bytes | None = None) -> Checkpoint:
    return Checkpoint(origin="reports.example/log", size=size, root=ROOT, previous=previous)


def test_a_checkpoint_is_written_line_by_line() -> None:
    before = hashlib.sha256(b"before").digest()

    lines = SIGNER.sign(checkpoint(previous=before)).split("\n")

    assert lines[0] == "reports.example/log"
    assert lines[1] == "7"
    assert lines[2] == base64.b64encode(ROOT).decode()
    assert lines[3] == "previous " + base64.b64encode(before).decode()
    assert lines[4] == ""
    assert lines[5].startswith("\u2014 reports.example/log ")
    assert base64.b64decode(lines[5].split(" ")[2])[:4] == SIGNER.keys[0].id
    assert lines[6:] == [""]


def test_a_key_of_the_go_implementation_is_read() -> None:
    key = read_key(GO_KEY)

    assert key.id.hex() == "c74f20a3"
    assert str(key) == GO_KEY


@given(st.integers(1, 10**17), st.binary(min_size=32, max_size=32), st.booleans())
def test_what_was_written_is_read_back(size: int, digest: bytes, first: bool) -> None:  # noqa: FBT001
    written = checkpoint(size, None if first else digest)

    found = read_note(SIGNER.sign(written))

    assert found.checkpoint == written
    assert signed_by(found, SIGNER.keys) == SIGNER.keys[0]


def test_a_signature_of_a_key_we_do_not_know_counts_as_none() -> None:
    other = Signer("reports.example/log", [hashlib.sha256(b"other").digest()])

    assert signed_by(read_note(other.sign(checkpoint())), SIGNER.keys) is None


def test_a_text_that_was_changed_after_signing_is_refused() -> None:
    changed = SIGNER.sign(checkpoint()).replace("\n7\n", "\n8\n")

    with pytest.raises(BadCheckpoint, match="wrong"):
        signed_by(read_note(changed), SIGNER.keys)


def test_a_key_of_another_log_does_not_sign_for_this_one() -> None:
    other = Signer("other.example/log", [hashlib.sha256(b"one").digest()])
    foreign = other.sign(checkpoint())

    with pytest.raises(BadCheckpoint, match="another log"):
        signed_by(read_note(foreign), other.keys)


GOOD = SIGNER.sign(checkpoint())


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "\n\n",
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("\n7\n", "\n07\n"),
        GOOD.replace("\n7\n", "\n-7\n"),
        GOOD.replace("\n7\n", "\n\u0667\n"),
        GOOD.replace("\n7\n", f"\n{'9' * 5000}\n"),
        GOOD.replace("=\n\n", "\n\n"),
        GOOD.replace("\n\n", "\nsurprise\n\n"),
        GOOD.replace("\n\n", "\nprevious x\n\n"),
        GOOD.replace("\u2014", "-"),
        GOOD.replace(".example", ".exa mple"),
        GOOD[:-1],
        GOOD + "x",
        GOOD.replace("\n7", "\r\n7"),
        GOOD[: GOOD.index("\u2014")],
        GOOD + GOOD[GOOD.index("\u2014") :] * 16,
    ],
)
def test_what_is_no_checkpoint_is_refused(broken: str) -> None:
    with pytest.raises(BadCheckpoint):
        read_note(broken)


@pytest.mark.parametrize("broken", ["", "a+b", "a+00000000+AQ==", GO_KEY.replace("c7", "c8"), "é"])
def test_what_is_no_key_is_refused(broken: str) -> None:
    with pytest.raises(BadCheckpoint):
        read_key(broken)


def test_a_signature_line_is_the_only_thing_below() -> None:
    line = note(checkpoint(), Key("n", b"x" * 32), b"s" * 64).partition("\n\n")[2]

    assert line.count("\n") == 1
