"""Content-addressed store of models and archives, and their signatures."""

from penstock.artifacts.digest import digest_of, digest_of_file
from penstock.artifacts.errors import (
    ArtifactError,
    BadKey,
    BadSignature,
    CorruptArtifact,
    MissingArtifact,
)
from penstock.artifacts.file_store import FileStore
from penstock.artifacts.keys import generate_key_pair
from penstock.artifacts.memory_store import MemoryStore
from penstock.artifacts.seal import Seal, generate_seal_key
from penstock.artifacts.signing import Envelope, Signer, Verifier
from penstock.artifacts.statement import Statement
from penstock.artifacts.store import Store
from penstock.artifacts.store_urls import open_named_files, open_store

__all__ = [
    "ArtifactError",
    "BadKey",
    "BadSignature",
    "CorruptArtifact",
    "Envelope",
    "FileStore",
    "MemoryStore",
    "MissingArtifact",
    "Seal",
    "Signer",
    "Statement",
    "Store",
    "Verifier",
    "digest_of",
    "digest_of_file",
    "generate_key_pair",
    "generate_seal_key",
    "open_named_files",
    "open_store",
]
