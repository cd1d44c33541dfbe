"""Messages that stand for no event and no label."""

from __future__ import annotations

from penstock.contracts.refusals import Refusal


class MappingRefusal(ValueError):
    """A message cannot be mapped; `refusal` says why."""

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.refusal = Refusal(code, detail, field)
