"""The demo: generated loan applications whose world changes at a known event."""
