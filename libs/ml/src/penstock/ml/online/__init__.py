"""Learners that fold every outcome as it comes."""
