"""Profiles out of the artifact store."""

from __future__ import annotations

import asyncio
import logging

from penstock.artifacts import ArtifactError, CorruptArtifact, MissingArtifact, Store
from penstock.bus.errors import TransientError
from penstock.drift_detector.drift.profiles import BadProfile, Profile, read_profile

KEPT = 256  # profiles in memory: a few kilobytes each

log = logging.getLogger(__name__)


class StoredProfiles:
    """Reads each profile once, off the event loop. One that is missing or spoilt is reported and done without."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, Profile | None] = {}

    async def load(self, digest: str) -> Profile | None:
        """The profile, or None when there is none that can be read.

        Raises:
            TransientError: the store does not answer.
        """
        if digest not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[digest] = await self._read(digest)
        return self._kept[digest]

    async def _read(self, digest: str) -> Profile | None:
        try:
            return read_profile(await asyncio.to_thread(self._store.get, digest))
        except (MissingArtifact, CorruptArtifact, BadProfile) as error:
            log.warning("the fields of a stream are not watched: profile %s: %s", digest, error)
            return None
        except ArtifactError as error:
            raise TransientError(f"the profile {digest} cannot be read: {error}") from error
