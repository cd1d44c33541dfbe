"""`penstock rejected list | show | edit | preview | release | drop`"""

from __future__ import annotations

from penstock.console.commands.repair_commands import repair_commands

rejected = repair_commands(
    "rejected", "Records that were refused, each with a code: what is left of them, edits, and their release."
)
