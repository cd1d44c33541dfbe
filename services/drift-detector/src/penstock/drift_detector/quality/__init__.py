"""Quality over blocks of outcomes: by model version, by slice, before and after the labels are in."""
