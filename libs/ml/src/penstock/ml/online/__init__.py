"""Models that learn from every outcome as it comes."""
