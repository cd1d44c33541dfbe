"""What is wrong in a declaration, and at which of its keys."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_core import PydanticCustomError

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """The key at which a declaration is wrong, as the tables and the key that lead to it, and what was expected."""

    path: KeyPath
    detail: str

    @property
    def key(self) -> str:
        """The key as one text, such as `label.classes`."""
        return ".".join(self.path)


def error_at(path: KeyPath, detail: str) -> PydanticCustomError:
    """The error that a validator raises about the key `path` below the table that it checks."""
    return PydanticCustomError("violation", "{detail}", {"path": path, "detail": detail})
