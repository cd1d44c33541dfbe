"""The audit log, the newest entries first, and whether its chain holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.console.web.sources import Sources

PAGE = 50


@dataclass(frozen=True)
class AuditPage:
    """Entries, the newest first; `older` is the number up to which the next page goes, None at the first entry."""

    entries: Sequence[dict[str, Any]]
    verification: dict[str, Any]
    older: int | None
    is_newest: bool


async def read_audit(sources: Sources, before: int | None) -> AuditPage:
    """The page of the entries up to number `before`, or of the newest.

    Raises:
        RegistryFailure: the registry does not answer.
    """
    verification = await sources.registry.get("audit/verify")
    newest = int(verification["number"])
    last = newest if before is None else min(before, newest)
    after = max(0, last - PAGE)
    document = await sources.registry.get(f"audit?after={after}&limit={PAGE}")
    entries = [entry for entry in document["entries"] if entry["number"] <= last]
    return AuditPage(entries[::-1], verification, after or None, last == newest)
