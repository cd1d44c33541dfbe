"""Predictions for the rows of a file, by the model that serves a stream, without sending an event."""
