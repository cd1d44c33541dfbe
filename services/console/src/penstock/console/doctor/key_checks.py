"""Checks of the keys that sign models and seal answers. They have no end of validity."""

from __future__ import annotations

from penstock.artifacts import ArtifactError, Seal, Signer, Verifier, digest_of
from penstock.console.doctor.finding import NOT_YET, Finding, Installation, fail, ok

ADVICE = (
    "bring the key files back from a backup. Without one, remove the folder: the next penstock up makes new keys, "
    "under which no earlier model is served"
)


def check_signing_keys(installation: Installation) -> Finding:
    """The private key signs what the trusted keys verify."""
    home = installation.home
    if not home.keys.exists() or not any(home.keys.iterdir()):
        return NOT_YET
    try:
        signer, verifier = Signer.from_file(home.signing_key), Verifier.from_file(home.trusted_keys)
        verifier.verify(signer.sign("doctor", digest_of(b""), "doctor", {}))
    except (ArtifactError, OSError) as error:
        return fail(str(error), ADVICE)
    return ok(f"models are signed with key {signer.key_id[:12]}…, which is trusted; keys do not expire")


def check_answer_key(installation: Installation) -> Finding:
    """The key that seals answers over HTTP can be used."""
    home = installation.home
    if not home.keys.exists() or not any(home.keys.iterdir()):
        return NOT_YET
    try:
        Seal.from_file(home.answer_key)
    except (ArtifactError, OSError) as error:
        return fail(str(error), f"rm -f {home.answer_key}; penstock down; penstock up")
    return ok("answers over HTTP can be sealed")
