"""`penstock down`"""

from __future__ import annotations

from penstock.console.home import home_from_environment
from penstock.console.supervision.lifecycle import stop_undisturbed
from penstock.console.views.terminal import out


def down() -> None:
    """Stop everything; what was kept is found again by the next `up`."""
    home = home_from_environment()
    out.print("Penstock is down." if stop_undisturbed(home) else f"Nothing ran in {home.root}.")
