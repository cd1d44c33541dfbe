"""Pages that many look at, found once a second for all of them."""

from __future__ import annotations

from penstock.console.web.pages.overview import Overview, read_overview
from penstock.console.web.pages.stream import StreamPage, read_stream
from penstock.console.web.recent_value import RecentValue
from penstock.console.web.sources import Sources

SHARED_S = 1.0
"""So old is a page at most: what changes from moment to moment, such as rates, comes by the live feed."""


class SharedPages:
    """The overview, and the page of each stream. After a command they are found anew."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._overview = RecentValue(lambda: read_overview(sources), SHARED_S)
        self._streams: dict[str, RecentValue[StreamPage]] = {}

    async def overview(self) -> Overview:
        """The overview."""
        return await self._overview.get()

    async def stream(self, name: str) -> StreamPage:
        """The page of a stream.

        Raises:
            PageMissing: no stream of that name is declared.
        """
        self._sources.stream(name)  # only what is declared is kept
        if name not in self._streams:
            self._streams[name] = RecentValue(lambda: read_stream(self._sources, name), SHARED_S)
        return await self._streams[name].get()

    def forget(self, stream: str) -> None:
        """Find the pages that show a stream anew: a command has changed it."""
        self._overview.forget()
        if stream in self._streams:
            self._streams[stream].forget()
