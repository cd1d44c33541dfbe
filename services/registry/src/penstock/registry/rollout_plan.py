"""How a rollout goes: its mode, the shares of its steps, and how much evidence a decision needs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.model_lifecycle import RolloutDeclaration
from penstock.contracts.records.models import RolloutMode

DEFAULT_MODE: RolloutMode = "canary"  # of a rollout by hand, where the stream declares "at-once"


class RolloutPlan(BaseModel):
    """A `RolloutDeclaration` with the mode and the steps of one rollout; see there for the fields.

    `has_objective` is whether the stream declares one: then a canary tolerates at least what its limit can show.
    """

    model_config = ConfigDict(frozen=True)

    mode: RolloutMode
    steps: tuple[float, ...]
    outcomes: int
    limit: int
    margin: float
    level: float
    has_objective: bool = False

    @classmethod
    def of(
        cls,
        declaration: RolloutDeclaration,
        mode: RolloutMode | None = None,
        steps: tuple[float, ...] = (),
        *,
        has_objective: bool = False,
    ) -> RolloutPlan:
        """The plan of a declaration; `mode` and `steps` are as declared unless given."""
        declared_mode = DEFAULT_MODE if declaration.mode == "at-once" else declaration.mode
        fields = declaration.model_dump(exclude={"mode", "steps"})
        return cls(mode=mode or declared_mode, steps=steps or declaration.steps, has_objective=has_objective, **fields)

    def initial_shares(self, challengers: int) -> list[float]:
        """The shares of so many challengers in the first step."""
        match self.mode:
            case "shadow":
                return [0.0] * challengers
            case "canary":
                return [self.steps[0] / challengers] * challengers
            case "ab":
                return [self.steps[-1] / challengers] * challengers
            case "bandit":
                return [1 / (challengers + 1)] * challengers
