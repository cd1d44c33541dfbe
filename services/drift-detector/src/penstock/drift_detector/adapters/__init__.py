"""Where what the detector needs is kept."""
