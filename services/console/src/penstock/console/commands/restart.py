"""`penstock restart SERVICE`"""

from __future__ import annotations

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.home import home_from_environment
from penstock.console.supervision.restart_requests import restart_and_wait


def restart(service: str, as_json: AsJson = False) -> None:
    """Stop one service and start it again; returns when it is ready."""
    name = service.replace("_", "-")
    restart_and_wait(home_from_environment(), name)
    tell(as_json, {"service": name, "ready": True}, f"{name} was restarted and is ready.")
