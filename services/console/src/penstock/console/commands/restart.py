"""`penstock restart SERVICE`"""

from __future__ import annotations

from penstock.console.home import home_from_environment
from penstock.console.supervision.restart_requests import restart_and_wait
from penstock.console.views.terminal import out


def restart(service: str) -> None:
    """Stop one service and start it again; returns when it is ready."""
    name = service.replace("_", "-")
    restart_and_wait(home_from_environment(), name)
    out.print(f"{name} was restarted and is ready.")
