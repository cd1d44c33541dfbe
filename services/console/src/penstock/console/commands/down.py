"""`penstock down`"""

from __future__ import annotations

from penstock.console.home import home_from_environment
from penstock.console.supervision.lifecycle import stop_ignoring_signals
from penstock.console.views.terminal import out


def down() -> None:
    """Stop everything; the next `up` goes on with the data in the home."""
    home = home_from_environment()
    out.print("Penstock is down." if stop_ignoring_signals(home) else f"Nothing ran in {home.root}.")
