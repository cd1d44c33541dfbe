"""`penstock down`"""

from __future__ import annotations

from penstock.console.commands.json_output import AsJson, tell
from penstock.console.home import home_from_environment
from penstock.console.supervision.lifecycle import stop_ignoring_signals


def down(as_json: AsJson = False) -> None:
    """Stop everything; the next `up` goes on with the data in the home."""
    home = home_from_environment()
    stopped = stop_ignoring_signals(home)
    tell(as_json, {"stopped": stopped}, "Penstock is down." if stopped else f"Nothing ran in {home.root}.")
