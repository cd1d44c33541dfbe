"""Fitted models, the families they come from, and what can be set about them."""
