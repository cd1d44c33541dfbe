"""Saves the pipeline as an MLflow model, in the folder named by the first argument."""

from __future__ import annotations

import os
import sys

import mlflow.sklearn
from pipeline import open_pipeline

mlflow.sklearn.save_model(
    open_pipeline(os.environ["BENCH_PIPELINE"]),
    sys.argv[1],
    pyfunc_predict_fn="predict_proba",
    serialization_format="cloudpickle",
)
