"""All twelve, in the order in which they are staged."""

from __future__ import annotations

from tests.incidents import models, processes, records

INCIDENTS = (*processes.INCIDENTS, *records.INCIDENTS, *models.INCIDENTS)
