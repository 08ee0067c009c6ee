"""Files in a bucket of an S3-compatible store: the only door to obstore."""

import uuid
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from events.errors import Unavailable

_RETRIES, _PATIENCE = 3, timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to get into a store. What is empty is found as AWS's own tools find it: the machine's role, for example."""

    key: str = ""
    secret: str = ""
    region: str = ""
    endpoint: str = ""


class Bucket:
    """A part of a bucket, with folders in it. Names are like ``folder/file``; ``put`` changes nothing that is there.

    Everything here raises ``Unavailable`` when the store does not answer, or refuses.
    """

    def __init__(self, bucket: str, prefix: str, access: Access) -> None:
        self._name = bucket
        self._prefix = prefix.strip("/")
        self._access = access

    def put(self, name: str, content: bytes) -> bool:
        """Write a file; the store has it when this returns. False, and nothing done, if there is one already."""
        with _away():
            try:
                obstore.put(self._store, name, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in the place of one that is broken; the store has it when this returns."""
        with _away():
            obstore.put(self._store, name, content, mode="overwrite")

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        with _away():
            try:
                obstore.head(self._store, name)
            except (NotFoundError, FileNotFoundError):
                return False
        return True

    def get(self, name: str) -> bytes | None:
        """The file's content; ``None`` if there is none."""
        with _away():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def names(self, folder: str) -> list[str]:
        """The files in a folder, in order; none if it does not exist."""
        with _away():
            return sorted(path.rpartition("/")[2] for path in self._paths(folder))

    def prune(self, folder: str, kept: Container[str]) -> int:
        """Remove what is in a folder and not ``kept``; return how many files. A bucket may keep their versions."""
        with _away():
            paths = [each for each in self._paths(folder) if each.rpartition("/")[2] not in kept]
            if paths:
                obstore.delete(self._store, paths)
        return len(paths)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it. Safe to repeat. A bucket that keeps versions keeps them."""
        with _away():
            if paths := list(self._paths(folder)):
                obstore.delete(self._store, paths)

    def trouble(self) -> str:
        """What keeps a file from being written, read and removed here, in a few words; nothing if all is well."""
        name = f"doctor/{uuid.uuid4().hex}"
        try:
            obstore.put(self._store, name, b"is this kept?", mode="create")
            kept = bytes(obstore.get(self._store, name).bytes())
            obstore.delete(self._store, name)
        except (PermissionDeniedError, UnauthenticatedError):
            return "the store knows us and does not let us, or does not know us"
        except (NotFoundError, FileNotFoundError):
            return "there is no such bucket"
        except (BaseError, OSError):
            return "the store does not answer, or not like one"
        return "" if kept == b"is this kept?" else "the store gives back something else"

    def _paths(self, folder: str) -> Iterator[str]:
        for batch in obstore.list(self._store, folder.strip("/")):
            yield from (each["path"] for each in batch)

    @cached_property
    def _store(self) -> S3Store:
        """Opened when it is first used: a process that never touches a file needs no store."""
        access = self._access
        known: dict[str, Any] = {
            "access_key_id": access.key,
            "secret_access_key": access.secret,
            "region": access.region,
            "endpoint": access.endpoint,
        }
        return S3Store(
            self._name,
            prefix=self._prefix or None,
            client_options={
                "connect_timeout": "5s",
                "timeout": "30s",
                "allow_http": access.endpoint.startswith("http://"),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
            **{name: value for name, value in known.items() if value},
        )


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        # Its text names hosts and keys.
        message = f"the store of files does not do what it was asked ({type(error).__name__})"
        raise Unavailable(message, reason="blobs-away", retry_after=15.0) from None
