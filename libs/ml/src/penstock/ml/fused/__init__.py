"""Fitted models as plain arithmetic: the answers of their estimators at a fraction of the cost."""
