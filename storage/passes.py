"""Signs what staff carry from page to page, with keys derived from VAULT_KEY: nobody else can make one."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_INFO = b"ledgerpress pass "


class Passes:
    """Signs and checks texts of one kind: the same text is worth nothing as another kind.

    A key of its own is derived (HKDF, RFC 5869) for each of ``keys``, the kind, and ``secret``: when the secret
    changes, all that was signed with it is void. The first of ``keys`` signs, all of them check.
    """

    def __init__(self, keys: Sequence[str], kind: str, secret: str = "") -> None:
        info = _INFO + kind.encode() + b"\0" + hashlib.sha256(secret.encode()).digest()
        self._keys = [_derived(base64.b64decode(each), info) for each in keys]

    def sign(self, text: str) -> str:
        """The signature of ``text``: 43 characters that may stand in a cookie, a form or a URL."""
        return _signature(self._keys[0], text)

    def signed(self, text: str, signature: str) -> bool:
        """Whether ``signature`` was made of ``text`` here. Takes the same time for all that are wrong."""
        given = signature.encode()
        return any(hmac.compare_digest(_signature(key, text).encode(), given) for key in self._keys)


def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)


def _signature(key: bytes, text: str) -> str:
    digest = hmac.digest(key, text.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
