"""An Evidently report over a window: reads both samples as .npz, prints the seconds that each report took."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

CATEGORIES = ["segment", "merchant"]


def read(path: str) -> pd.DataFrame:
    """The sample in a file."""
    arrays = np.load(path)
    return pd.DataFrame({name: arrays[name] for name in arrays})


reference, window = read(sys.argv[1]), read(sys.argv[2])
numbers = [name for name in reference if name not in CATEGORIES]
definition = DataDefinition(numerical_columns=numbers, categorical_columns=CATEGORIES)
seconds = []
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    current, base = (Dataset.from_pandas(rows, data_definition=definition) for rows in (window, reference))
    Report([DataDriftPreset()]).run(current, base)
    seconds.append(time.perf_counter() - start)
json.dump(seconds, sys.stdout)
