"""Signs checkpoints, and tells whose signature a checkpoint bears (Ed25519, RFC 8032)."""

import base64
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from events.checkpoint import BadCheckpoint, Checkpoint, Key, Note, note
from storage.settings import Settings


class Signer:
    """Signs with the first of ``seeds``; ``keys`` are the public ones of all of them."""

    def __init__(self, origin: str, seeds: Sequence[bytes]) -> None:
        self.origin = origin
        private = [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]
        self.keys = tuple(Key(origin, each.public_key().public_bytes_raw()) for each in private)
        self._first = private[0]

    def sign(self, checkpoint: Checkpoint) -> str:
        """The checkpoint as a signed note."""
        return note(checkpoint, self.keys[0], self._first.sign(checkpoint.text.encode()))


def signer(settings: Settings) -> Signer | None:
    """The signer of this installation, or ``None`` without ``SIGNING_KEY``."""
    seeds = [base64.b64decode(key.get_secret_value()) for key in settings.signing_key or ()]
    return Signer(origin(settings), seeds) if seeds else None


def origin(settings: Settings) -> str:
    """The name of this log: its address without a scheme."""
    parts = urlsplit(settings.public_url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/log"


def signed_by(found: Note, keys: Iterable[Key]) -> Key | None:
    """Which of ``keys`` signed it, or ``None`` if it was none of them.

    Raises ``BadCheckpoint`` if it bears the mark of one of them and that one's signature is wrong.
    """
    known = {(key.name, key.id): key for key in keys}
    for each in found.signatures:
        key = known.get((each.name, each.key_id))
        if key is None:
            continue
        try:
            public = Ed25519PublicKey.from_public_bytes(key.public)
            public.verify(each.signature, found.checkpoint.text.encode())
        except InvalidSignature:
            message = f"the signature of the checkpoint at {found.checkpoint.size} is wrong"
            raise BadCheckpoint(message, reason="bad-signature") from None
        if key.name != found.checkpoint.origin:
            raise BadCheckpoint("the checkpoint is of another log than its key")
        return key
    return None
