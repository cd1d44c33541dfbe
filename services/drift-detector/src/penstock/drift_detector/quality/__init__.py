"""Quality per block of outcomes, model version and slice."""
