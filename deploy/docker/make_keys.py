"""Makes the keys of a deployment that are missing, once, before its services start: run by an init container.

PENSTOCK_SIGNING_KEY and PENSTOCK_TRUSTED_KEYS say where the pair that signs models goes, PENSTOCK_ANSWER_KEY where
the key goes that answers given over HTTP are sealed with. Keys that exist are left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from penstock.artifacts import BadKey, generate_key_pair, generate_seal_key


def make_keys(environment: Mapping[str, str]) -> None:
    """Make what is missing where `environment` says.

    Raises:
        BadKey: a key cannot be written.
    """
    signing = Path(environment["PENSTOCK_SIGNING_KEY"])
    trusted = Path(environment["PENSTOCK_TRUSTED_KEYS"])
    answers = Path(environment["PENSTOCK_ANSWER_KEY"])
    if not trusted.exists():
        # A start that ended between the two files left a private key that nobody trusts.
        signing.unlink(missing_ok=True)
        generate_key_pair(signing, trusted)
    if not answers.exists():
        generate_seal_key(answers)


def main() -> None:
    """Make the keys, or say in one line why not."""
    try:
        make_keys(os.environ)
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set; it says where a key goes")
    except BadKey as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
