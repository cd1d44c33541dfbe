"""What `stream init` proposes for a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Role = Literal["label", "entity", "time", "id", "field", "left out"]


@dataclass(frozen=True)
class Choices:
    """The columns that the user named for a role; None: not named."""

    label: str | None = None
    entity: str | None = None
    time: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class ColumnProposal:
    """What a column is proposed to be.

    Attributes:
        name: of the column.
        role: what it is in the stream; a column that is left out is no feature.
        type: of its values, as declared.
        missing: the share of rows without a value.
        distinct: how many different values it has.
        capped: whether there are more.
        notes: what a person should know of it, a few words each.
        field: its declaration, empty for a column that is no field.
    """

    name: str
    role: Role
    type: str
    missing: float
    distinct: int
    capped: bool
    notes: tuple[str, ...] = ()
    field: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HistoryKey:
    """A column, or a pair of columns, whose known labels tell more than those of all rows, or of either column.

    `gain` is by how much the loss falls, 0 to 1; 0 where too few labels are known to show it.
    """

    columns: tuple[str, ...]
    gain: float


@dataclass(frozen=True)
class Proposal:
    """A proposed declaration, and what was found on the way to it.

    Attributes:
        path: the file.
        rows: how many rows it has.
        choices: what the user named.
        columns: in the file's order.
        document: the declaration without its fields, by table.
        label_reason: why this column is taken for the label; empty if it was named.
        positive: the positive class and its share; empty unless there are two classes.
        history_keys: what is declared as keys, the best first.
    """

    path: Path
    rows: int
    choices: Choices
    columns: tuple[ColumnProposal, ...]
    document: dict[str, dict[str, Any]]
    label_reason: str
    positive: str
    history_keys: tuple[HistoryKey, ...]
