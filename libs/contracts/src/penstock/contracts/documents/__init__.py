"""Documents generated from the records: JSON Schemas and docs/events.md."""
