"""Files by their content, on a disk and in a bucket of a real S3 server: kept whole, sealed, never overwritten."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from events.errors import NotFound, Refused, Unavailable
from storage.blobs import LOST, Blobs, shelf
from storage.bucket import Access, Bucket
from storage.checkpoints import Folder
from storage.checks import blobs as checks
from storage.disk import Disk
from storage.settings import Settings
from storage.vault import Sealer

CONTENT = b"%PDF-1.7 all of it"
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/reports").raise_for_status()
    yield f"http://{host}:{port}"
    server.stop()


def access(endpoint: str) -> Access:
    return Access(key="key", secret="secret", region="us-east-1", endpoint=endpoint)


@pytest.fixture(params=["disk", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "disk":
        return Blobs(tmp_path.as_uri())
    endpoint = request.getfixturevalue("s3")
    return Blobs(f"s3://reports/{uuid.uuid4()}", access(endpoint))


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(uuid.uuid4(), os.urandom(32))


def test_what_is_put_is_named_by_its_content_and_comes_back_whole(
    blobs: Blobs, sealer: Sealer
) -> None:
    large = os.urandom(9_000_000)

    assert blobs.put(CONTENT, sealer) == NAME
    assert blobs.get(NAME, sealer) == CONTENT
    assert blobs.get(blobs.put(large, sealer), sealer) == large


def test_nobody_can_read_it_without_the_key(blobs: Blobs, sealer: Sealer) -> None:
    blobs.put(CONTENT, sealer)

    lying = blobs.shelf.get(f"{sealer.subject}/{NAME}")
    assert lying is not None
    assert CONTENT not in lying
    with pytest.raises(NotFound):
        blobs.get(NAME, Sealer(sealer.subject, None))
    with pytest.raises(Refused):
        blobs.get(NAME, Sealer(sealer.subject, os.urandom(32)))


def test_the_same_content_is_kept_once_however_many_put_it(blobs: Blobs, sealer: Sealer) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: blobs.put(CONTENT, sealer), range(16)))

    assert names == {NAME}
    assert blobs.shelf.names(str(sealer.subject)) == [NAME]
    assert blobs.get(NAME, sealer) == CONTENT


def test_what_is_there_is_never_overwritten(blobs: Blobs) -> None:
    assert blobs.shelf.put("folder/file", b"first")
    assert not blobs.shelf.put("folder/file", b"second")
    assert blobs.shelf.get("folder/file") == b"first"


def test_what_is_not_what_its_name_says_is_refused(blobs: Blobs, sealer: Sealer) -> None:
    other = "0" * 64
    place = f"{sealer.subject}/{other}"
    blobs.shelf.put(place, sealer.seal(CONTENT, f"blob/{place}"))
    moved = f"{sealer.subject}/{'1' * 64}"
    blobs.shelf.put(moved, sealer.seal(CONTENT, f"blob/{place}"))

    with pytest.raises(Refused, match="not what its name says"):
        blobs.get(other, sealer)
    with pytest.raises(Refused, match="not sealed there"):
        blobs.get("1" * 64, sealer)


@pytest.mark.parametrize("altered", [b"", b"x", b"x" * 12, b"x" * 200])
def test_what_was_altered_is_put_right_when_it_is_made_again(
    blobs: Blobs, sealer: Sealer, altered: bytes
) -> None:
    blobs.put(CONTENT, sealer)
    blobs.shelf.replace(f"{sealer.subject}/{NAME}", altered)
    with pytest.raises(Refused) as raised:
        blobs.get(NAME, sealer)
    assert raised.value.reason in LOST

    blobs.put(CONTENT, sealer)

    assert blobs.get(NAME, sealer) == CONTENT
    assert blobs.shelf.names(str(sealer.subject)) == [NAME]


def test_what_is_not_there_is_said_to_be_missing(blobs: Blobs, sealer: Sealer) -> None:
    with pytest.raises(NotFound):
        blobs.get(NAME, sealer)
    assert not blobs.shelf.has("nothing/here")
    assert blobs.shelf.names("nothing") == []


def test_what_is_spoken_of_is_left_when_the_rest_is_cleared_away(
    blobs: Blobs, sealer: Sealer
) -> None:
    for each in range(3):
        blobs.put(b"%d" % each, sealer)
    blobs.put(CONTENT, sealer)

    assert blobs.prune(sealer.subject, {NAME}) == 3
    assert blobs.prune(sealer.subject, {NAME}) == 0
    assert blobs.shelf.names(str(sealer.subject)) == [NAME]
    assert blobs.prune(uuid.uuid4(), set()) == 0


def test_forgetting_a_customer_removes_their_files_and_nobody_elses(
    blobs: Blobs, sealer: Sealer
) -> None:
    other = Sealer(uuid.uuid4(), os.urandom(32))
    for each in range(5):
        blobs.put(b"%d" % each, sealer)
    blobs.put(CONTENT, other)

    blobs.forget(sealer.subject)
    blobs.forget(sealer.subject)

    assert blobs.shelf.names(str(sealer.subject)) == []
    assert blobs.get(NAME, other) == CONTENT


def test_clearing_up_removes_what_is_not_named_and_nothing_of_anybody_else(
    blobs: Blobs, sealer: Sealer
) -> None:
    other = Sealer(uuid.uuid4(), bytes(32))
    kept, left = (blobs.put(each, sealer) for each in (b"kept", b"left behind"))
    theirs = blobs.put(b"left behind", other)

    removed = blobs.prune(sealer.subject, {kept})

    assert removed == 1
    assert blobs.get(kept, sealer) == b"kept"
    assert blobs.get(theirs, other) == b"left behind"
    with pytest.raises(NotFound):
        blobs.get(left, sealer)


def test_checkpoints_are_published_in_a_bucket_too(s3: str) -> None:
    place = Bucket("reports", str(uuid.uuid4()), access(s3))
    for size in (3, 30, 200):
        place.put(f"checkpoints/{size:020}.txt", b"-")

    folder = Folder(place)

    assert folder.sizes() == [3, 30, 200]
    assert folder.newest() == 200


def test_a_store_that_is_away_is_waited_for_and_its_words_are_not_repeated(sealer: Sealer) -> None:
    nobody = Blobs("s3://reports/here", access("http://127.0.0.1:9"))

    with pytest.raises(Unavailable) as raised:
        nobody.put(CONTENT, sealer)

    assert raised.value.reason == "blobs-away"
    assert "127.0.0.1" not in str(raised.value)


def test_a_folder_that_is_left_in_the_middle_of_writing_shows_nothing_half(tmp_path: Path) -> None:
    place = Disk(tmp_path)
    place.put("folder/file", b"whole")
    (tmp_path / "folder" / ".draft").write_bytes(b"ha")

    assert place.names("folder") == ["file"]


@pytest.mark.parametrize("url", ["s3://", "file:relative", "http://x/y", "file://host/x"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="BLOB_URL"):
        shelf(url)


@pytest.mark.parametrize(
    ("bucket", "found"),
    [
        ("reports", "the bucket takes files, and gives them back"),
        ("nothing", "there is no such bucket"),
        ("", "the store does not answer, or not like one"),
    ],
)
def test_the_doctor_tries_the_bucket_and_says_what_is_wrong(
    bucket: str, found: str, settings: Settings, s3: str
) -> None:
    given = settings.model_copy(
        update={
            "blob_url": f"s3://{bucket or 'reports'}/doctor",
            "aws_access_key_id": "key",
            "aws_secret_access_key": SecretStr("secret"),
            "aws_region": "us-east-1",
            "aws_endpoint_url": s3 if bucket else "http://127.0.0.1:9",
        }
    )

    (finding,) = checks.look(given)

    assert (finding.check, finding.found) == ("blobs.writable", found)
