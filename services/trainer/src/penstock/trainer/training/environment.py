"""The environment of a training: what the bytes of a model depend on beside its data, declaration and seed."""

from __future__ import annotations

import platform
from importlib.metadata import version

from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

_LIBRARIES = ("numpy", "scipy", "scikit-learn")


def training_environment() -> dict[str, str]:
    """Processor architecture, BLAS libraries with their kernels, and versions of Python and numerical libraries.

    Models of equal trainings have equal digests only within one environment.
    """
    return {
        "machine": platform.machine(),
        "blas": ", ".join(
            sorted({_blas_name(library) for library in threadpool_info() if library["user_api"] == "blas"})
        ),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _blas_name(library: dict[str, str]) -> str:
    """Such as `openblas 0.3.30 Haswell`."""
    return " ".join(str(library[key]) for key in ("internal_api", "version", "architecture") if library.get(key))
