"""Seals: message authentication codes (MACs) by which a service knows what another of our services wrote.

They are used where others may write to the same place, as any producer may write to the topic `received`.
"""

import hmac
import secrets
from pathlib import Path

from penstock.artifacts.errors import BadKey
from penstock.artifacts.key_files import read_key_file, write_key_file

_KEY_BYTES = 32


class Seal:
    """HMAC-SHA256 (RFC 2104) over bytes, under a key of at least 32 bytes that our services share.

    Raises:
        BadKey: the key is shorter.

    >>> seal = Seal(bytes(32))
    >>> seal.verify(b"0.25", seal.mac(b"0.25"))
    True
    >>> seal.verify(b"0.75", seal.mac(b"0.25"))
    False
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise BadKey(f"a seal key of {len(key)} bytes is too short; expected {_KEY_BYTES} or more")
        self._key = key

    @classmethod
    def from_file(cls, path: str | Path) -> "Seal":
        """A seal with the key in a file, in hex as `generate_seal_key` writes it.

        Raises:
            BadKey: the file cannot be read, or holds no such key.
        """
        try:
            return cls(bytes.fromhex(read_key_file(path).decode("ascii")))
        except ValueError as error:
            raise BadKey(f"{path} holds no seal key; expected {2 * _KEY_BYTES} or more hex digits") from error

    def mac(self, data: bytes) -> str:
        """The MAC of the data: 64 hex digits."""
        return hmac.digest(self._key, data, "sha256").hex()

    def verify(self, data: bytes, mac: str) -> bool:
        """Whether this is the MAC of the data, compared in constant time. Never raises."""
        return hmac.compare_digest(self.mac(data).encode(), mac.encode("utf-8", "surrogatepass"))


def generate_seal_key(path: str | Path) -> None:
    """Write a new key of 32 random bytes to a file readable by its owner alone (0600).

    Raises:
        BadKey: the file exists already or cannot be written.
    """
    write_key_file(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n", 0o600)
