"""The server: `python -m penstock.server` runs its children and keeps them running."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from penstock.runtime.settings import SettingsError, read_settings
from penstock.runtime.stop_signals import stop_event
from penstock.runtime.supervision.status_server import serve_status
from penstock.runtime.supervision.supervised_process import SupervisedProcess
from penstock.runtime.supervision.supervisor import supervise
from penstock.server.processes.child_probe import child_hooks
from penstock.server.processes.children import child_specs, children_document
from penstock.server.settings import SupervisorSettings


def main() -> None:
    """Supervise until told to stop. Exit codes: 0 told to stop, 2 a setting is wrong or a port is taken."""
    try:
        settings = read_settings(SupervisorSettings)
    except SettingsError as error:
        print(f"server: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s server %(message)s"
    )
    sys.exit(asyncio.run(_supervise(settings)))


async def _supervise(settings: SupervisorSettings) -> int:
    specs = zip(child_specs(settings), child_hooks(settings), strict=True)
    children = [SupervisedProcess(spec, hooks) for spec, hooks in specs]
    try:
        async with _children_status(children, settings):
            return await supervise([children], stop_event())
    except OSError as error:
        print(f"server: PENSTOCK_CHILDREN_PORT: {error}", file=sys.stderr)  # noqa: T201
        return 2


@asynccontextmanager
async def _children_status(children: Sequence[SupervisedProcess], settings: SupervisorSettings) -> AsyncIterator[None]:
    """Say how the children are, for the length of the block, where the settings name a port for it."""
    if settings.children_port is None:
        yield
        return
    async with await serve_status(lambda: children_document(children), settings.host, settings.children_port):
        yield


if __name__ == "__main__":
    main()
