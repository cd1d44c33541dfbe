"""A version of a model as files that others open without Penstock, each proven to answer as the version does."""
