"""The demo: generated loan applications with a planted change."""
