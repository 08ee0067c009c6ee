"""The folder or bucket of finished documents: whether it takes them, keeps them, and is the same one for everybody."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from storage.blobs import blobs_of
from storage.bucket import Bucket
from storage.database import connect, connected
from storage.findings import Finding, failure, warning, well
from storage.settings import Settings
from storage.tables import orders

_LITTLE, _TOO_LITTLE = 2 * 1024**3, 200 * 1024**2
_FEW_FILES = 10_000
_LOOKED_AT = 5
_REASONS = {
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "it is mounted read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.ENOTDIR: "something in its path is no folder",
}
_FORGETFUL = ("tmpfs", "ramfs", "overlay")


def look(settings: Settings) -> Iterator[Finding]:
    """Write a file there as a worker would, and take it away again; see what room is left."""
    shelf = blobs_of(settings).shelf
    yield from _bucket(shelf, settings) if isinstance(shelf, Bucket) else _disk(shelf.root)


def _bucket(shelf: Bucket, settings: Settings) -> Iterator[Finding]:
    if trouble := shelf.trouble():
        yield failure(
            "blobs.writable",
            trouble,
            why="no report can be finished",
            do="check BLOB_URL, AWS_ENDPOINT_URL, AWS_REGION and the AWS keys; the bucket must exist already",
        )
    else:
        yield well("blobs.writable", "the bucket takes files, and gives them back")
    if (settings.aws_endpoint_url or "").startswith("http://") and settings.stripe_livemode:
        yield warning(
            "blobs.encrypted",
            "the way to the store is not encrypted",
            why="what is kept there is sealed, and who is asked for it is not",
            do="use https:// in AWS_ENDPOINT_URL",
        )


def _disk(root: Path) -> Iterator[Finding]:
    there = next(each for each in (root, *root.parents) if each.exists())
    try:
        _write(root)
    except OSError as error:
        yield failure(
            "blobs.writable",
            _REASONS.get(
                error.errno or 0,
                f"it cannot be written to ({errno.errorcode.get(error.errno or 0, '?')})",
            ),
            why="no report can be finished; only 'run api' does with reading",
            do="give the user of the workers the folder in BLOB_URL (mode 0700), or mount it writable",
        )
    else:
        yield well("blobs.writable", "takes files, and says when they have reached the disk")
    yield from _room(there)
    if (kind := _kind(there)) in _FORGETFUL:
        yield warning(
            "blobs.kept",
            f"the folder lies on {kind}",
            why="the finished reports are gone after a restart",
            do="point BLOB_URL at a disk or a volume",
        )


def look_shared(settings: Settings) -> Iterator[Finding]:
    """Whether the documents of the latest delivered orders are in this one."""
    engine = connect(settings.database_url.get_secret_value(), pool=1)
    query = (
        select(orders.c.subject)
        .where(orders.c.word == "delivered", orders.c.parent.is_(None))
        .order_by(orders.c.updated_at.desc())
        .limit(_LOOKED_AT)
    )
    try:
        with connected(engine) as connection:
            if connection.exec_driver_sql("select to_regclass('orders')").scalar() is None:
                return
            customers = connection.execute(query).scalars().all()
    finally:
        engine.dispose()
    shelf = blobs_of(settings).shelf
    missing = sum(not shelf.names(str(each)) for each in customers)
    if missing:
        yield failure(
            "blobs.shared",
            f"the documents of {missing} of the last {len(customers)} delivered orders are not here",
            why="some process has another folder: pages say a report is ready and cannot show it",
            do="give every process the same BLOB_URL, in a bucket or on a shared disk if they are on several machines",
        )
    else:
        yield well(
            "blobs.shared", f"the last {len(customers)} delivered orders have their documents here"
        )


def _write(root: Path) -> None:
    made = [each for each in (root, *root.parents) if not each.exists()]
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = root / f".doctor.{uuid.uuid4().hex}"
    try:
        with draft.open("xb") as file:
            file.write(b"is this kept?")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
        # As it was found: only a worker makes it for good.
        for each in made:
            with suppress(OSError):
                each.rmdir()


def _room(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    system = os.statvfs(folder)
    if free < _LITTLE:
        yield (failure if free < _TOO_LITTLE else warning)(
            "blobs.room",
            f"{free / 1024**2:.0f} MB are left",
            why="a full disk ends every order's last step; it is tried again, and a person is asked",
            do="make room, or move the folder to a larger disk",
        )
    elif system.f_files > 0 and system.f_favail < _FEW_FILES:
        yield warning(
            "blobs.room",
            f"room for {system.f_favail} more files",
            why="a disk without inodes is full, however much space it has",
            do="make room, or move the folder to another disk",
        )
    else:
        yield well("blobs.room", f"{free / 1024**3:.0f} GB are left")


def _kind(folder: Path) -> str:
    """The kind of the file system it lies on, as Linux knows it; empty elsewhere."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = [line.split()[1:3] for line in lines]
    own = folder.resolve()
    above = [(place, kind) for place, kind in mounts if own.is_relative_to(place)]
    return max(above, key=lambda each: len(each[0]), default=("", ""))[1]
