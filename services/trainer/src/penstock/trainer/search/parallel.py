"""Calls made at once: in other processes of this machine, or on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from penstock.trainer.job import Backend, Means

Calls = Sequence[Callable[[], Any]]
Together = Callable[[Calls], list[Any]]
"""Makes calls and gives what they gave, in their order."""

_NEEDED = {"dask": "distributed", "ray": "ray"}


class MissingBackend(ValueError):
    """The backend needs a package that is not installed."""


def one_by_one(calls: Calls) -> list[Any]:
    """Make the calls in turn."""
    return [call() for call in calls]


def check_backend(backend: Backend) -> None:
    """Raise MissingBackend, with what to install, unless the backend can be used."""
    package = _NEEDED.get(backend)
    if package is not None and find_spec(package) is None:
        raise MissingBackend(f"the training backend {backend!r} needs the package {package}, which is not installed")


@contextmanager
def crew(means: Means) -> Iterator[Together]:
    """Who makes the calls, `means.jobs` at once; processes of this machine have ended afterwards, their time counted.

    Dask's scheduler is the one that its own configuration names (`DASK_SCHEDULER_ADDRESS`), and so is Ray's cluster.
    """
    if means.backend == "sequential":
        yield one_by_one
        return
    from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]  # noqa: PLC0415

    _join(means.backend)

    def at_once(calls: Calls) -> list[Any]:
        return list(Parallel()(delayed(call)() for call in calls))

    with parallel_config(backend=means.backend, n_jobs=means.jobs):
        yield at_once
    if means.backend == "loky":
        import_module("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)


def _join(backend: Backend) -> None:
    check_backend(backend)
    if backend == "dask":
        import_module("distributed").Client()
    elif backend == "ray":
        import_module("ray.util.joblib").register_ray()
