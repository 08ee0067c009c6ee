"""Personal data, readable only through a key for each customer; destroying the key erases it everywhere at once.

AES-256-GCM (NIST SP 800-38D) under a data key for each subject; data keys are wrapped (RFC 3394) by VAULT_KEY. What is
sealed is bound to the place it was sealed for, so that a ciphertext moved elsewhere does not open.
"""

import base64
import hashlib
import hmac
import os
import uuid
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)
from sqlalchemy import Engine

from events.errors import Refused
from storage.database import again_once, directly

FOREIGN = "foreign-ciphertext"
_NONCE = 12
_NAME = 16
_TOKEN_BYTES = 16


_MAKE = "insert into subjects (subject, wrapped, kek) values (%s, %s, %s) on conflict do nothing"


class Sealer:
    """Seals and opens for one subject; has no key any more once the subject is erased."""

    def __init__(self, subject: uuid.UUID, key: bytes | None) -> None:
        self.subject = subject
        self._key = key
        self._tokens: dict[str, str] = {}

    @property
    def erased(self) -> bool:
        """Whether the key has been destroyed."""
        return self._key is None

    def seal(self, plain: bytes, place: str) -> bytes:
        """Nonce and ciphertext. ``place`` says where it will lie and must be named again to open it."""
        if self._key is None:
            message = "this customer's data has been erased: nothing can be added to it"
            raise Refused(message, reason="erased")
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes | None:
        """The plain bytes, or ``None`` if the key is gone. Raises ``Refused`` if it was sealed elsewhere."""
        if self._key is None:
            return None
        try:
            return AESGCM(self._key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError):
            message = f"what lies at {place} was not sealed there"
            raise Refused(message, reason=FOREIGN) from None

    def token(self, order_id: str) -> str:
        """The secret in the link to the customer's page: 128 bits, derived from the key and gone with it."""
        if order_id not in self._tokens:  # it stands in the order's row, which every record writes
            self._tokens[order_id] = self._derived(f"customer-page/{order_id}")
        return self._tokens[order_id]

    def signature(self, order_id: str, until: int) -> str:
        """What makes a link to that order's report good ``until`` then, in seconds since 1970; gone with the key."""
        return self._derived(f"report-link/{order_id}/{until}")

    def _derived(self, what: str) -> str:
        if self._key is None:
            return ""
        digest = hmac.digest(self._key, what.encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """What is kept of a token, to find its order by."""
    return hashlib.sha256(token.encode()).digest()


class Courier:
    """Seals what leaves the house through the broker, with keys derived from VAULT_KEY: queues hold ciphertext only.

    What opens was sealed by one of us, so that nobody else can put a payment into a queue. The first key seals, all of
    them open.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        raw = [base64.b64decode(each) for each in keys]
        self._keys = {_name(key): hmac.digest(key, b"ledgerpress courier", "sha256") for key in raw}
        self._first = next(iter(self._keys))

    def seal(self, plain: bytes, place: str) -> bytes:
        """The key's name, nonce and ciphertext. ``place`` is the queue it goes to, and must be named to open it."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._keys[self._first]).encrypt(nonce, plain, place.encode())
        return self._first.encode() + nonce + sealed

    def open(self, sealed: bytes, place: str) -> bytes:
        """The plain bytes. Raises ``Refused`` if it was not sealed here for ``place``, or its key is gone."""
        name, nonce = sealed[:_NAME], sealed[_NAME : _NAME + _NONCE]
        key = self._keys.get(name.decode("ascii", "replace"))
        if key is None:
            raise Refused("VAULT_KEY lacks the key of this message", reason="vault-key-missing")
        try:
            return AESGCM(key).decrypt(nonce, sealed[_NAME + _NONCE :], place.encode())
        except (InvalidTag, ValueError):
            raise Refused("this message was not sealed here", reason=FOREIGN) from None


def key_of(sealed: bytes) -> str:
    """The name of the key of VAULT_KEY with which a ``Courier`` has sealed this."""
    return bytes(sealed[:_NAME]).decode("ascii", "replace")


class Vault:
    """The customers' keys. The first of ``keys`` wraps, all of them unwrap, so that VAULT_KEY can be rotated.

    ``first`` is that one's name, which tells nothing about it.
    """

    def __init__(self, engine: Engine, keys: Sequence[str]) -> None:
        self._engine = engine
        self._keys = {_name(key): key for key in (base64.b64decode(each) for each in keys)}
        self.first = next(iter(self._keys))

    def sealer(self, subject: uuid.UUID) -> Sealer:
        """The subject's sealer. Raises ``Refused`` if it has no key: reading never makes one."""
        query = "select wrapped, kek from subjects where subject = %s"
        with directly(self._engine) as connection:
            row = connection.execute(query, (subject,)).fetchone()
        return self.opened(subject, *(row or (None, None)))

    def opened(self, subject: uuid.UUID, wrapped: bytes | None, kek: str | None) -> Sealer:
        """The sealer that the subject's row makes. Raises ``Refused`` if there is no such row (no ``kek``)."""
        if kek is None:
            message = "a customer's key is missing: was the table of keys restored?"
            raise Refused(message, reason="customer-key-missing")
        return Sealer(subject, self._unwrapped(wrapped, kek))

    def new_sealer(self, subject: uuid.UUID) -> Sealer:
        """The subject's sealer, with a key made for it if it has none. Safe from many processes at once."""
        return self.made(subject) or self.sealer(subject)

    def made(self, subject: uuid.UUID) -> Sealer | None:
        """A key for the subject, and its sealer; ``None`` if the subject has one. Safe from many processes at once."""
        key = AESGCM.generate_key(bit_length=256)
        wrapped = aes_key_wrap(self._keys[self.first], key)

        def ask() -> bool:
            with directly(self._engine) as connection:
                return connection.execute(_MAKE, (subject, wrapped, self.first)).rowcount == 1

        return Sealer(subject, key) if again_once(ask) else None

    def destroy(self, subject: uuid.UUID) -> bool:
        """Destroy the subject's key for ever; return whether it is gone. Safe to repeat.

        Refuses (returns false) while the log does not say of all the subject's orders that they are erased. What stays
        of the wrapped key is in dead rows until Postgres vacuums, in its WAL, and in backups.
        """
        with directly(self._engine) as connection:
            row = connection.execute("select destroy_key(%s)", (subject,)).fetchone()
        return bool(row and row[0])

    def rewrapped(self, wrapped: bytes, kek: str) -> bytes:
        """The same key, wrapped by the first. Raises ``Refused`` if VAULT_KEY lacks ``kek``, or it is the wrong one."""
        key = self._unwrapped(wrapped, kek)
        assert key is not None
        return aes_key_wrap(self._keys[self.first], key)

    @property
    def names(self) -> tuple[str, ...]:
        """What the keys of VAULT_KEY are called."""
        return tuple(self._keys)

    def knows(self, kek: str) -> bool:
        """Whether VAULT_KEY has the key of that name."""
        return kek in self._keys

    def _unwrapped(self, wrapped: bytes | None, kek: str) -> bytes | None:
        if wrapped is None:
            return None
        if kek not in self._keys:
            message = f"VAULT_KEY lacks the key {kek}, which a customer's data was locked with"
            raise Refused(message, reason="vault-key-missing")
        try:
            return aes_key_unwrap(self._keys[kek], bytes(wrapped))
        except InvalidUnwrap:
            message = f"a customer's key does not open with {kek}"
            raise Refused(message, reason="vault-key-wrong") from None


def _name(key: bytes) -> str:
    return hashlib.sha256(b"ledgerpress vault key " + key).hexdigest()[:_NAME]
