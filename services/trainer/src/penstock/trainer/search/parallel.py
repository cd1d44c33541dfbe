"""Parallel calls: in other processes of this machine, or on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from penstock.trainer.job import Backend, TrainingResources

Calls = Sequence[Callable[[], Any]]
RunCalls = Callable[[Calls], list[Any]]
"""Makes calls and returns their results, in the order of the calls."""

_PACKAGES = {"dask": "distributed", "ray": "ray"}


class MissingBackend(ValueError):
    """The backend needs a package that is not installed."""


def run_sequentially(calls: Calls) -> list[Any]:
    """Make the calls in turn."""
    return [call() for call in calls]


def check_backend(backend: Backend) -> None:
    """Raise MissingBackend, with what to install, unless the backend can be used."""
    package = _PACKAGES.get(backend)
    if package is not None and find_spec(package) is None:
        raise MissingBackend(f"the training backend {backend!r} needs the package {package}, which is not installed")


@contextmanager
def parallel_calls(resources: TrainingResources) -> Iterator[RunCalls]:
    """Makes `resources.jobs` calls at once; processes on this machine have ended afterwards, so their CPU time counts.

    Dask's scheduler is the one that its own configuration names (`DASK_SCHEDULER_ADDRESS`), and so is Ray's cluster.
    """
    if resources.backend == "sequential":
        yield run_sequentially
        return
    from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]  # noqa: PLC0415

    _connect(resources.backend)

    def run_in_parallel(calls: Calls) -> list[Any]:
        return list(Parallel()(delayed(call)() for call in calls))

    with parallel_config(backend=resources.backend, n_jobs=resources.jobs):
        yield run_in_parallel
    if resources.backend == "loky":
        import_module("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)


def _connect(backend: Backend) -> None:
    check_backend(backend)
    if backend == "dask":
        import_module("distributed").Client()
    elif backend == "ray":
        import_module("ray.util.joblib").register_ray()
