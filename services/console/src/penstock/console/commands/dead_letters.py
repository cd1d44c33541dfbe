"""`penstock dead-letters list | show | edit | preview | release | drop`"""

from __future__ import annotations

from penstock.console.commands.repair_commands import repair_commands

dead_letters = repair_commands(
    "dead-letters", "Records that could not be read: what is left of them, edits, and their release."
)
