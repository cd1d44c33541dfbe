"""The CloudEvents source of the records that the drift detector writes under its own name."""

from __future__ import annotations

SOURCE = "penstock/drift-detector"
