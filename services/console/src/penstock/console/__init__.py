"""The penstock command: one machine, replay, demo."""
