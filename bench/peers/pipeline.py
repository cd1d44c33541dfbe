"""The model as a scikit-learn pipeline over a DataFrame: scaler and one-hot encoder before a learner."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

NUMBERS = [f"f{number}" for number in range(20)]
CATEGORIES = ["segment", "merchant"]


def open_pipeline(path: str) -> Pipeline:
    """The linear model in `path` over named columns, with no more steps than a tutorial's pipeline has.

    Its answers are the original's: the second scaler is part of the learner's weights.
    """
    fitted = joblib.load(path)
    numbers = fitted.named_steps["columns"].named_transformers_["numbers"].named_steps
    return make_pipeline(_columns(path, numbers["clip"]), _learner(fitted.named_steps["learner"], numbers["scale"]))


def _columns(path: str, clip: MinMaxScaler) -> ColumnTransformer:
    vocabularies = np.load(Path(path).with_suffix(".vocabularies.npz"))
    texts = [vocabularies["first"].tolist(), vocabularies["second"].tolist()]
    columns = ColumnTransformer(
        [
            ("numbers", MinMaxScaler(clip=True), NUMBERS),
            ("levels", OneHotEncoder(categories=texts, handle_unknown="ignore"), CATEGORIES),
        ]
    )
    bounds = [dict(zip(NUMBERS, bound.tolist(), strict=True)) for bound in (clip.data_min_, clip.data_max_)]
    return columns.fit(pd.DataFrame([bound | {"segment": texts[0][0], "merchant": texts[1][0]} for bound in bounds]))


def _learner(fitted: LogisticRegression, scale: StandardScaler) -> LogisticRegression:
    coefficients = fitted.coef_.copy()
    coefficients[0, : len(NUMBERS)] /= scale.scale_
    fitted.intercept_ = fitted.intercept_ - coefficients[:, : len(NUMBERS)] @ scale.mean_
    fitted.coef_ = coefficients
    return fitted
