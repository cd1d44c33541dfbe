"""The trainer, put together: in a deployment, or with everything else in one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from penstock.artifacts import ArtifactError, Signer, Store, open_store
from penstock.bus.routes import Group
from penstock.contracts.topics import TRAINING_REQUESTS, TRAINING_RUNS
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError
from penstock.trainer.data.outcome_archive import Archive
from penstock.trainer.handlers import Handlers
from penstock.trainer.job import Means, Try
from penstock.trainer.processes.child import Children
from penstock.trainer.runs import Ledger
from penstock.trainer.search.parallel import MissingBackend, check_backend
from penstock.trainer.settings import TrainerSettings

GROUP = "trainer"
PATIENCE = 3600.0  # seconds that a run may take before the service counts as stuck


def build(settings: TrainerSettings, resources: Resources) -> Service:
    """A deployment's trainer: each run in a child process.

    Raises:
        SettingsError: the store cannot be opened, the key is none, or the backend is not installed.
    """
    try:
        store, signer = open_store(settings.artifacts), Signer.from_file(settings.signing_key)
        check_backend(settings.training_backend)
    except (ArtifactError, MissingBackend) as error:
        raise SettingsError(str(error)) from error
    means = Means(searches=_searches(settings), backend=settings.training_backend, jobs=settings.training_jobs)
    children = Children(settings.artifacts, settings.training_timeout, means)
    return _service(resources, store, signer, children.carry_out, tasks=[children.keep_spare])


def _searches(settings: TrainerSettings) -> Path | None:
    """Beside the models; nowhere if these lie in a bucket and no folder is named."""
    if settings.searches is not None or ":" in settings.artifacts:
        return settings.searches
    return Path(settings.artifacts).expanduser() / "searches"


def build_in_process(resources: Resources, store: Store, signer: Signer) -> Service:
    """A trainer that trains where it runs, so that nothing depends on the machine."""
    # A deployment's trainer only waits for its children: it need not hold what they learn with.
    from penstock.trainer.training.attempt import in_this_process  # noqa: PLC0415

    return _service(resources, store, signer, in_this_process(store))


def _service(
    resources: Resources,
    store: Store,
    signer: Signer,
    carry_out: Try,
    tasks: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Service:
    ledger = Ledger()
    archive = Archive(resources.log, resources.namespace, store)
    handlers = Handlers(ledger, resources.streams, archive, carry_out, signer)
    group = Group(GROUP, (TRAINING_REQUESTS, TRAINING_RUNS), lambda _unit, _state: handlers.routes(), patience=PATIENCE)
    followers = [
        resources.follow(TRAINING_REQUESTS, ledger.take_request),
        resources.follow(TRAINING_RUNS, ledger.take_run),
    ]
    return Service(groups=(group,), followers=followers, tasks=tasks)
