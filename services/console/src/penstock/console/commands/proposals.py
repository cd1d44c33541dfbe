"""`penstock proposals [STREAM]`, `proposals approve` and `decline`"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from typer.core import TyperGroup

from penstock.console.commands.json_output import AsJson, print_json, tell
from penstock.console.registry_command import Reason, request
from penstock.console.views.proposals_table import proposals_table
from penstock.console.views.terminal import out


class _ListsByDefault(TyperGroup):
    """`penstock proposals loans` is `penstock proposals list loans`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


proposals = typer.Typer(
    help="What waits for a person: models that passed, and only a person may let serve. Lists them unless told more.",
    cls=_ListsByDefault,
)

Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="The number of the proposal.")]


@proposals.command("list")
def list_(
    stream: Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Of this stream only.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest proposals with their evidence, and what became of them."""
    query = "" if stream is None else "?" + urlencode({"stream": stream})
    document = request(lambda services: services.get(f"proposals{query}"))
    if as_json:
        print_json(document)
    elif document["proposals"]:
        out.print(proposals_table(document["proposals"]))
    else:
        out.print("Nothing was proposed yet.")


@proposals.command()
def approve(number: Number, reason: Reason = "", as_json: AsJson = False) -> None:
    """Carry a proposal out: its model serves, or its rollout starts. It lifts the hold of a rollback."""
    change = _decide(number, "approve", reason)
    done = {
        "promoted": f"version {change['model']} is the champion",
        "rolled_back": f"version {change['model']} serves again",
        "rollout_started": f"its rollout has started beside version {change['model']}",
    }
    said = done.get(change["status"], f"approved before; version {change['model']} is the champion")
    tell(as_json, change, f"{change['stream']}: proposal {number}: {said}")


@proposals.command()
def decline(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", "--why", help="The reason, for the audit log; it is needed.")],
    as_json: AsJson = False,
) -> None:
    """Decline a proposal; the challenger of a rollout that made it is taken back."""
    change = _decide(number, "decline", reason)
    said = "declined" if change["status"] == "declined" else "declined before"
    tell(as_json, change, f"{change['stream']}: proposal {number}: {said}; version {change['model']} is the champion")


def _decide(number: int, decision: str, reason: str) -> dict[str, Any]:
    return request(lambda services: services.post(f"proposals/{number}/{decision}", {"reason": reason}))
