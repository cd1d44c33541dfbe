"""Which outcomes of an event count: the first by offset says how it ended, and corrections count after a joined one."""

from __future__ import annotations

EXPIRED = -1  # the revision of an outcome without a label


def counts(revision: int, newest: int | None) -> bool:
    """Whether an outcome counts after those of its event up to the revision `newest`; None: it is the first.

    Work that is repeated after a crash reads its topics interleaved otherwise, and may write an event as expired that
    was joined before, or the reverse: what comes later of the two counts nowhere.

    >>> counts(0, None), counts(1, 0), counts(0, 0)
    (True, True, False)
    >>> counts(EXPIRED, None), counts(EXPIRED, 0), counts(0, EXPIRED), counts(1, EXPIRED)
    (True, False, False, False)
    """
    return newest is None or EXPIRED < newest < revision
