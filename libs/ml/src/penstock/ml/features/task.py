"""The tasks of a stream: which kind of label its models predict."""

from __future__ import annotations

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
