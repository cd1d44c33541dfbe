"""Who gives a command, as the audit log names them."""

from __future__ import annotations

import getpass
import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}")
UNKNOWN = "operator"


def actor() -> str:
    """The name of the user, `operator` where there is none that the registry takes."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without an account, as in a container
        return UNKNOWN
    return name if is_actor(name) else UNKNOWN


def is_actor(name: str) -> bool:
    """Whether the audit log takes such a name.

    >>> is_actor("ann"), is_actor("ann b")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None
