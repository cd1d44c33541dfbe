"""A model as a folder that BentoML serves and builds, on the folder of its scikit-learn estimator."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from penstock.console.export.exported_version import ExportedVersion
from penstock.console.export.sklearn_folder import TOLERANCE, open_module, write_sklearn
from penstock.console.failure import ConsoleFailure
from penstock.ml.package import golden_rows

SERVICE = "service"


def write_bento(folder: Path, exported: ExportedVersion) -> float:
    """Write a model as a Bento's folder, ask the service that was written, and compare; the largest difference.

    Raises:
        ConsoleFailure: it does not answer as the version does.
    """
    difference = write_sklearn(folder, exported)
    (folder / f"{SERVICE}.py").write_bytes(Path(__file__).with_name("bento_service.py").read_bytes())
    with (folder / "requirements.txt").open("a", encoding="utf-8") as requirements:
        requirements.write(f"bentoml=={version('bentoml')}\n")
    (folder / "bentofile.yaml").write_text(_bentofile(exported), encoding="utf-8")
    (folder / "Dockerfile").write_text(_dockerfile(), encoding="utf-8")
    with (folder / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(_README)
    return max(difference, prove_service(folder, exported))


def prove_service(folder: Path, exported: ExportedVersion) -> float:
    """The largest difference between the service's answers, by way of JSON, and the version's, on the golden rows.

    Raises:
        ConsoleFailure: they differ by more than `TOLERANCE` of the number and of the largest, or in an answer.
    """
    expected = exported.model.predict(exported.golden)
    service = open_module(folder, SERVICE).PenstockModel.inner()
    answers = json.loads(json.dumps(service.predict(_json_rows(exported))))
    classes = exported.model.classes
    names = [f"probability.{name}" for name in classes] or ["prediction"]
    numbers = np.array([[answer[name] for name in names] for answer in answers], dtype=np.float64)
    wanted = expected.numbers(len(names))
    difference = float(np.abs(numbers - wanted).max(initial=0.0))
    if difference > TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
        raise ConsoleFailure(f"{exported.name}: the service answers differ by up to {difference:.1e}; not kept")
    if classes and [answer["prediction"] for answer in answers] != expected.values:
        raise ConsoleFailure(f"{exported.name}: the service answers another class to some row; not kept")
    return difference


def _json_rows(exported: ExportedVersion) -> list[dict[str, Any]]:
    golden = golden_rows.record(exported.model, exported.golden)
    times = [None if ms is None else np.datetime64(ms, "ms").item().isoformat() for ms in golden["times"]]
    columns = golden["columns"] | {exported.time: times}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _bentofile(exported: ExportedVersion) -> str:
    """What `bentoml build` reads; JSON is YAML."""
    names = ["*.py", "model.json", "model.skops", "golden.json", "requirements.txt", "README.md"]
    labels = {"stream": exported.stream, "version": str(exported.version.version)}
    document = {
        "service": f"{SERVICE}:PenstockModel",
        "labels": labels,
        "include": names,
        "python": {"requirements_txt": "./requirements.txt", "lock_packages": False},
    }
    return json.dumps(document, indent=1) + "\n"


def _dockerfile() -> str:
    return f"""# An image of this model alone: docker build -t model . && docker run -p 3000:3000 model
FROM python:{platform.python_version()}-slim-bookworm

RUN groupadd --gid 10001 model \\
    && useradd --uid 10001 --gid 10001 --no-log-init --create-home model
WORKDIR /model
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir -r requirements.txt
COPY . ./

ENV BENTOML_DO_NOT_TRACK=True \\
    BENTOML_HOME=/tmp/bentoml \\
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 3000
CMD ["bentoml", "serve", "service:PenstockModel", "--host", "0.0.0.0", "--port", "3000"]
"""


_README = """
## As a service

```sh
bentoml serve                    # here; or: docker build -t model . && docker run -p 3000:3000 model
curl -X POST localhost:3000/predict -H 'content-type: application/json' -d '{"rows": [{...}]}'
```

It answers each row with `prediction`, and for classes `probability.CLASS`. `bentoml build` makes a Bento of it.
"""
