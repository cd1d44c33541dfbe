"""The stream that a request names, or the problem that there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.runtime.http.problems import HANG_UP, RETRY_AFTER, Problem, intake_paused


class DeclaredStreams:
    """Streams by name. Until `caught_up` a stream that is not found may be declared all the same."""

    def __init__(self, streams: Streams, caught_up: Callable[[], bool]) -> None:
        self._streams = streams
        self._caught_up = caught_up

    def get(self, name: str) -> StreamDeclared:
        """The stream's declaration.

        Raises:
            Problem: it is not declared (404), or the declared streams are still being read (503).
        """
        declared = self._streams.get(name)
        if declared is not None:
            return declared
        if self._caught_up():
            raise Problem(404, "unknown_stream", "no such stream is declared", "stream", HANG_UP)
        headers = {**RETRY_AFTER, **HANG_UP}
        raise Problem(503, "starting", "the declared streams are still being read", headers=headers)

    def taking_records(self, name: str) -> StreamDeclared:
        """The declaration of a stream that takes events and labels in.

        Raises:
            Problem: as `get`, or a person has paused its intake (503).
        """
        declared = self.get(name)
        if declared.pause is not None and not declared.takes_records:
            problem = intake_paused(declared.pause.detail)
            raise replace(problem, headers={**problem.headers, **HANG_UP})
        return declared
