"""Ed25519 key pairs as PEM files, and the ids of public keys."""

import hashlib
import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from penstock.artifacts.errors import BadKey
from penstock.artifacts.key_files import read_key_file, write_key_file

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a public key: the SHA-256 of its 32 raw bytes, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def generate_key_pair(private_path: str | Path, public_path: str | Path) -> str:
    """Write a new key pair as PEM files, the private one readable by its owner alone (0600), and return its id.

    Raises:
        BadKey: a file exists already or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    write_key_file(private_path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_key_file(public_path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return key_id(public)


def read_private_key(path: str | Path) -> Ed25519PrivateKey:
    """The private key in a PEM file.

    Raises:
        BadKey: the file cannot be read, or holds no Ed25519 private key in unencrypted PEM.
    """
    try:
        key = load_pem_private_key(read_key_file(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no private key in unencrypted PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds a private key of another kind; expected Ed25519")
    return key


def read_public_keys(path: str | Path) -> list[Ed25519PublicKey]:
    """The public keys in a PEM file, which may hold several.

    Raises:
        BadKey: the file cannot be read, holds no public key, or one that is not Ed25519.
    """
    blocks: list[bytes] = _PEM.findall(read_key_file(path))
    if not blocks:
        raise BadKey(f"{path} holds no public key in PEM")
    return [_public_key(block, path) for block in blocks]


def _public_key(pem: bytes, path: str | Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds a public key that cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} holds a public key of another kind; expected Ed25519")
    return key
