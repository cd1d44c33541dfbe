"""Why a model answered so: what each field adds to the score of one answer, computed when somebody asks."""
