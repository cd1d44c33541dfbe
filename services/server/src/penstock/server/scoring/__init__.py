"""From checked events to predictions."""
