"""Downloading pinned Java archives from Maven Central."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event

from jgo.constants import MAVEN_CENTRAL_URL as MAVEN_CENTRAL
from jgo.maven import MavenContext, PythonResolver

from penstock.console.broker.jar_pins import Pin
from penstock.console.failure import ConsoleFailure

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with a file's name and size in bytes; yields a function that is called with the bytes of each chunk."""

DOWNLOADS_AT_ONCE = 4
NETWORK_TIMEOUT_S = 60


def download(
    missing: Sequence[Pin], folder: Path, progress: Progress | None = None, repository: str = MAVEN_CENTRAL
) -> None:
    """Download archives into `folder`; one that does not have its pinned digest is not put there.

    Raises:
        ConsoleFailure: the repository cannot be reached, the folder not written, or a digest differs.
    """
    cancelled = Event()
    resolver = PythonResolver(progress_callback=_cancellable(progress or _no_progress, cancelled))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as staging:
            context = MavenContext(
                resolver, Path(staging), remote_repos={"remote": repository}, timeout=NETWORK_TIMEOUT_S
            )
            _fetch_all(context, folder, missing, cancelled)
    except (OSError, RuntimeError) as error:
        raise ConsoleFailure(
            f"{len(missing)} Java archives ({missing[0].file_name} first) could not be fetched from "
            f"{repository} into {folder}: {type(error).__name__}. They are downloaded once; connect and try again."
        ) from error


def _fetch_all(context: MavenContext, folder: Path, missing: Sequence[Pin], cancelled: Event) -> None:
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        futures = [pool.submit(_fetch, context, folder, pin) for pin in missing]
        try:
            for future in futures:
                future.result()
        except BaseException:
            cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(context: MavenContext, folder: Path, pin: Pin) -> None:
    component = context.project(pin.group, pin.name).at_version(pin.version)
    path = component.artifact(classifier=pin.classifier).resolve()
    if not pin.matches(path):
        raise ConsoleFailure(
            f"{pin.file_name}, as downloaded, does not have the pinned SHA-256 {pin.digest}. "
            "It was thrown away and nothing was started."
        )
    path.replace(folder / pin.file_name)


def _no_progress(_name: str, _size: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


def _cancellable(progress: Progress, cancelled: Event) -> Progress:
    """`progress`, but a download ends with its next chunk once `cancelled` is set."""

    @contextmanager
    def cancellable(name: str, size: int) -> Iterator[Callable[[int], None]]:
        with progress(name, size) as advance:

            def advance_or_cancel(chunk: int) -> None:
                if cancelled.is_set():
                    raise InterruptedError(name)
                advance(chunk)

            yield advance_or_cancel

    return cancellable
