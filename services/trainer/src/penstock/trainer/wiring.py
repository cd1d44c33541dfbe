"""The trainer, put together: in a deployment, or with everything else in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from penstock.artifacts import ArtifactError, FileStore, Signer, Store, open_store
from penstock.bus.routes import Group
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import MODELS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError
from penstock.trainer.champions import Champions
from penstock.trainer.data.outcome_archive import OutcomeArchive
from penstock.trainer.handlers import Handlers
from penstock.trainer.job import RunJob, TrainingResources
from penstock.trainer.processes.child_processes import ChildProcesses
from penstock.trainer.runs import RunHistory
from penstock.trainer.search.parallel import MissingBackend, check_backend
from penstock.trainer.settings import TrainerSettings

GROUP = "trainer"
MAX_RUN_SECONDS = 3600.0  # seconds that a run may take before the service counts as stuck


def build(settings: TrainerSettings, resources: Resources) -> Service:
    """A deployment's trainer: each run in a child process.

    Raises:
        SettingsError: the store cannot be opened, there is no private key, or the backend is not installed.
    """
    try:
        store, signer = open_store(settings.artifacts), Signer.from_file(settings.signing_key)
        check_backend(settings.training_backend)
    except (ArtifactError, MissingBackend) as error:
        raise SettingsError(str(error)) from error
    training_resources = TrainingResources(
        searches=_search_folder(settings), backend=settings.training_backend, jobs=settings.training_jobs
    )
    children = ChildProcesses(settings.artifacts, settings.training_timeout, training_resources)
    return _service_with_children(resources, store, signer, children)


def _search_folder(settings: TrainerSettings) -> Path | None:
    """Beside the models; none if these are in a bucket and no folder is set."""
    if settings.searches is not None or ":" in settings.artifacts:
        return settings.searches
    return Path(settings.artifacts).expanduser() / "searches"


def build_with_children(resources: Resources, artifacts: Path, signer: Signer) -> Service:
    """A trainer beside other services in one process, which trains in children: what a training takes ends with it."""
    return _service_with_children(resources, FileStore(artifacts), signer, ChildProcesses(str(artifacts), None))


def build_in_process(resources: Resources, store: Store, signer: Signer) -> Service:
    """A trainer that trains in this process, so that nothing depends on other processes."""
    # A deployment's trainer only waits for its children: it need not import what they learn with.
    from penstock.trainer.training.job_runner import in_process_runner  # noqa: PLC0415

    return _service(resources, store, signer, in_process_runner(store))


def _service_with_children(resources: Resources, store: Store, signer: Signer, children: ChildProcesses) -> Service:
    service = _service(resources, store, signer, children.run_job, children.expect_jobs)
    return replace(service, tasks=[children.keep_spare], health=children.health_facts)


def _service(
    resources: Resources, store: Store, signer: Signer, run_job: RunJob, expect_jobs: Callable[[], None] = lambda: None
) -> Service:
    history, champions = RunHistory(), Champions()

    def apply_epoch(epoch: ModelEpoch) -> None:
        champions.apply(epoch)
        expect_jobs()  # each stream has an epoch from its declaration on

    archive = OutcomeArchive(resources.log, resources.namespace, store)
    handlers = Handlers(history, champions, resources.streams, archive, run_job, signer)
    group = Group(
        GROUP,
        (TRAINING_REQUESTS, TRAINING_RUNS),
        lambda _unit, _state: handlers.routes(),
        max_handling_seconds=MAX_RUN_SECONDS,
    )
    followers = [
        resources.follow(TRAINING_REQUESTS, history.add_request),
        resources.follow(TRAINING_RUNS, history.add_run),
        resources.follow(MODELS, apply_epoch),
    ]
    return Service(groups=(group,), followers=followers)
