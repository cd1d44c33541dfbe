"""The checks of one record by itself: ingestion, the validator and HTTP predict all run these."""
