"""The keys of a deployment, generated once and kept in its home."""

from __future__ import annotations

from penstock.artifacts import generate_key_pair, generate_seal_key
from penstock.console.home import Home


def ensure_keys(home: Home) -> None:
    """Generate the keys that are missing: the pair that signs models, and the key that seals answers over HTTP."""
    if not home.trusted_keys.exists():
        # A start that ended between the two files left a private key without its public one.
        home.signing_key.unlink(missing_ok=True)
        generate_key_pair(home.signing_key, home.trusted_keys)
    if not home.answer_key.exists():
        generate_seal_key(home.answer_key)
