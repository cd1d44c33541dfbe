"""Signed statements about artifacts: DSSE envelopes around in-toto statements, with Ed25519.

Source: https://github.com/secure-systems-lab/dsse (envelope.md, protocol.md).
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from penstock.artifacts.errors import BadSignature
from penstock.artifacts.keys import key_id, read_private_key, read_public_keys
from penstock.artifacts.statement import PAYLOAD_TYPE, Statement, decode_statement, encode_statement

_MOST_SIGNATURES = 16


class Signature(TypedDict):
    """One signature: the id of its key, and the signature in base64."""

    keyid: str
    sig: str


class Envelope(TypedDict):
    """A DSSE envelope, as it goes into JSON; the payload is base64."""

    payloadType: str
    payload: str
    signatures: list[Signature]


class Signer:
    """Signs statements with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    @classmethod
    def from_file(cls, path: str | Path) -> "Signer":
        """A signer with the private key in a PEM file.

        Raises:
            BadKey: the file holds no such key.
        """
        return cls(read_private_key(path))

    def sign(self, subject_name: str, digest: str, predicate_type: str, predicate: Mapping[str, Any]) -> Envelope:
        """Sign a statement: that `predicate` is true of the artifact `digest` under the name `subject_name`.

        The name should hold all that must not be confused, such as the stream and the version.

        Raises:
            ArtifactError: `digest` is not a digest.
            ValueError, TypeError: the predicate is not JSON (NaN is not).
        """
        payload = encode_statement(subject_name, digest, predicate_type, predicate)
        signature = self._key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
        return {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": self.key_id, "sig": base64.b64encode(signature).decode()}],
        }


class Verifier:
    """Verifies envelopes against trusted public keys, except those whose ids are revoked."""

    def __init__(self, trusted: Iterable[Ed25519PublicKey], revoked: Iterable[str] = ()) -> None:
        self._revoked = frozenset(revoked)
        self._trusted = {key_id(key): key for key in trusted}

    @classmethod
    def from_file(cls, path: str | Path, revoked: Iterable[str] = ()) -> "Verifier":
        """A verifier that trusts the public keys in a PEM file, which may hold several.

        Raises:
            BadKey: the file holds no such key.
        """
        return cls(read_public_keys(path), revoked)

    def verify(self, envelope: object) -> Statement:
        """The statement in an envelope, if a trusted key signed it; it is parsed only afterwards.

        Whether it is about the artifact that you mean is for `expect` to check.

        Raises:
            BadSignature: no trusted key signed it, or it is malformed.
        """
        payload, signatures = _parse_envelope(envelope)
        message = pre_authentication_encoding(PAYLOAD_TYPE, payload)
        errors = [self._signature_error(name, signature, message) for name, signature in signatures]
        if None not in errors:
            raise BadSignature("; ".join(error for error in errors if error))
        return decode_statement(payload, signatures[errors.index(None)][0])

    def expect(self, envelope: object, subject_name: str, digest: str) -> Statement:
        """As `verify`, and the statement must be about this name and digest.

        Raises:
            BadSignature: it is about another, no trusted key signed it, or it is malformed.
        """
        statement = self.verify(envelope)
        _require_equal("name", statement.subject_name, subject_name)
        _require_equal("digest", statement.digest, digest)
        return statement

    def _signature_error(self, name: str, signature: bytes, message: bytes) -> str | None:
        if name in self._revoked:
            return f"signed with the revoked key {name}"
        if name not in self._trusted:
            return f"signed with the unknown key {name[:64]!r}"
        try:
            self._trusted[name].verify(signature, message)
        except InvalidSignature:
            return f"the signature of key {name} does not match"
        return None


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that DSSE signs: the payload type and the payload, each preceded by its length.

    >>> pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _parse_envelope(envelope: object) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The payload and the (key id, signature) pairs of an envelope of our payload type."""
    if not isinstance(envelope, Mapping) or envelope.get("payloadType") != PAYLOAD_TYPE:
        raise BadSignature(f"not a DSSE envelope with a payload of type {PAYLOAD_TYPE}")
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = list(_signatures(envelope["signatures"]))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise BadSignature("malformed DSSE envelope") from error
    if not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise BadSignature(f"a DSSE envelope needs 1 to {_MOST_SIGNATURES} signatures")
    return payload, signatures


def _signatures(entries: object) -> Iterator[tuple[str, bytes]]:
    if not isinstance(entries, list):
        raise TypeError("signatures must be a list")
    for entry in entries[: _MOST_SIGNATURES + 1]:
        if not isinstance(entry["keyid"], str):
            raise TypeError("a key id must be text")
        yield entry["keyid"], base64.b64decode(entry["sig"], validate=True)


def _require_equal(what: str, signed: str, expected: str) -> None:
    if not hmac.compare_digest(signed.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")):
        raise BadSignature(f"signed for the {what} {signed[:80]!r}, not for {expected[:80]!r}")
