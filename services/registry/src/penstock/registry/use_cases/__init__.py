"""Commands and records, each carried out in one transaction."""
