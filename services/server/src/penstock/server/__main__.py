"""The server: `python -m penstock.server` runs its children and keeps them running."""

from __future__ import annotations

import asyncio
import logging
import sys

from penstock.runtime.settings import SettingsError, read_settings
from penstock.runtime.stop_signals import stop_event
from penstock.runtime.supervision.supervised_process import SupervisedProcess
from penstock.runtime.supervision.supervisor import supervise
from penstock.server.processes.child_probe import child_hooks
from penstock.server.processes.children import child_specs
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
    children = zip(child_specs(settings), child_hooks(settings), strict=True)
    return await supervise([[SupervisedProcess(spec, hooks) for spec, hooks in children]], stop_event())


if __name__ == "__main__":
    main()
