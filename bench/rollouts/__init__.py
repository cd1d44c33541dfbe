"""How often rollouts end wrongly, where the truth is known."""
