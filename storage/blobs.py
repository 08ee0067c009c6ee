"""Files named by their content and sealed with the customer's key, in a folder or in a bucket."""

import hashlib
import uuid
from collections.abc import Container
from pathlib import Path
from urllib.parse import unquote, urlsplit

from events.errors import NotFound, Refused, Unavailable
from storage.bucket import Access, Bucket
from storage.disk import Disk
from storage.settings import Settings
from storage.vault import FOREIGN, Sealer

Shelf = Disk | Bucket

MISSING, ALTERED = "blob-missing", "blob-altered"
# Why a blob cannot be had though its customer's key is there: what it was made of has to be made again.
LOST = frozenset({MISSING, ALTERED, FOREIGN})


class Blobs:
    """Sealed files on a shelf: ``<subject>/<SHA-256 of the plain bytes>``."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        self.shelf = shelf(url, access)

    def put(self, plain: bytes, sealer: Sealer) -> str:
        """Keep ``plain`` and return its name. It has reached the disk, or the store, when this returns.

        What lies there already is left as it is, unless it has been altered: then it is put right.
        """
        name = hashlib.sha256(plain).hexdigest()
        place = f"{sealer.subject}/{name}"
        if not self.shelf.has(place):
            self.shelf.put(place, sealer.seal(plain, f"blob/{place}"))
        elif not self._sound(name, sealer):
            self.shelf.replace(place, sealer.seal(plain, f"blob/{place}"))
        return name

    def get(self, name: str, sealer: Sealer) -> bytes:
        """The plain bytes, which are those that ``name`` was made of.

        Raises ``NotFound`` if there is no such blob or its key is gone, ``Refused`` if it has been altered.
        """
        place = f"{sealer.subject}/{name}"
        sealed = self.shelf.get(place)
        plain = sealer.open(sealed, f"blob/{place}") if sealed else None
        if plain is None:
            message = f"there is no blob {name}"
            raise NotFound(message, reason=MISSING)
        if hashlib.sha256(plain).hexdigest() != name:
            message = f"the blob {name} is not what its name says"
            raise Refused(message, reason=ALTERED)
        return plain

    def _sound(self, name: str, sealer: Sealer) -> bool:
        try:
            self.get(name, sealer)
        except Refused:
            return False
        return True

    def forget(self, subject: uuid.UUID) -> None:
        """Remove all that was kept for the subject. Safe to repeat; raises ``OSError`` or ``Unavailable``."""
        self.shelf.remove(str(subject))

    def prune(self, subject: uuid.UUID, kept: Container[str]) -> int:
        """Remove what lies there for the subject and is not named in ``kept``, drafts included; return how many files.

        Nobody may be at work for the subject. Raises ``Unavailable`` if something cannot be removed.
        """
        try:
            return self.shelf.prune(str(subject), kept)
        except OSError as error:
            message = f"a file could not be removed: {type(error).__name__}"
            raise Unavailable(message, reason="blobs-away") from None


def blobs_of(settings: Settings) -> Blobs:
    """The blobs of this installation."""
    return Blobs(settings.blob_url, access(settings))


def access(settings: Settings) -> Access:
    """How this installation gets into its store, if it has one."""
    secret = settings.aws_secret_access_key
    return Access(
        key=settings.aws_access_key_id or "",
        secret=secret.get_secret_value() if secret else "",
        region=settings.aws_region or "",
        endpoint=settings.aws_endpoint_url or "",
    )


def shelf(url: str, access: Access | None = None) -> Shelf:
    """Where ``url`` leads: ``file:///folder`` or ``s3://bucket/prefix``. Opens nothing yet."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        return Bucket(parts.netloc, unquote(parts.path), access or Access())
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Disk(Path(unquote(parts.path)))
    message = "BLOB_URL must look like file:///var/lib/ledgerpress/blobs or s3://bucket/prefix"
    raise Refused(message, reason="bad-settings")
