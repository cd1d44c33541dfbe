"""Loads profiles from the artifact store."""

from __future__ import annotations

import asyncio
import logging

from penstock.artifacts import ArtifactError, CorruptArtifact, MissingArtifact, Store
from penstock.bus.errors import TransientError
from penstock.drift_detector.drift.profiles import BadProfile, Profile, read_profile

MAX_PROFILES = 256  # in memory: a few kilobytes each

log = logging.getLogger(__name__)


class ProfileStore:
    """Reads each profile once, off the event loop. One that is missing or corrupt is logged, and counts as none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._profiles: dict[str, Profile | None] = {}

    async def load(self, digest: str) -> Profile | None:
        """The profile with this digest, or None when there is none that can be read.

        Raises:
            TransientError: the store does not answer.
        """
        if digest not in self._profiles:
            while len(self._profiles) >= MAX_PROFILES:
                self._profiles.pop(next(iter(self._profiles)))
            self._profiles[digest] = await self._read(digest)
        return self._profiles[digest]

    async def _read(self, digest: str) -> Profile | None:
        try:
            return read_profile(await asyncio.to_thread(self._store.get, digest))
        except (MissingArtifact, CorruptArtifact, BadProfile) as error:
            log.warning("field drift is not detected, for want of the profile %s: %s", digest, error)
            return None
        except ArtifactError as error:
            raise TransientError(f"the profile {digest} cannot be read: {error}") from error
