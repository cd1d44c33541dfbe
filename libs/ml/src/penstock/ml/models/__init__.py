"""Fitted models, the families they come from, and the parameters of these."""
