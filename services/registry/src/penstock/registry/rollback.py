"""Which model a rollback returns to."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from penstock.contracts.records.models import ModelEpoch


def rollback_target(epochs: Iterable[ModelEpoch], archived: Collection[int] = ()) -> int | None:
    """The version that served before the present one, None when there is none.

    `epochs` are a stream's epochs in order. A version that was rolled back no longer counts as having served, so
    that two rollbacks in a row go back two models. Archived versions are passed over.
    """
    served: list[int] = []
    for epoch in epochs:
        version = epoch.champion.version
        if epoch.reason == "rollback" and version in served:
            del served[served.index(version) + 1 :]
        elif version in served:
            served.remove(version)
            served.append(version)
        else:
            served.append(version)
    return next((version for version in reversed(served[:-1]) if version not in archived), None)
