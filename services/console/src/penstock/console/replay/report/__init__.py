"""What came of a replay: scores beside those of a constant, epochs, trainings and labels."""
