"""The join of event, prediction and label into an outcome."""
