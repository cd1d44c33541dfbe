"""Fetching pinned archives from Maven Central."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event

from jgo.constants import MAVEN_CENTRAL_URL as MAVEN_CENTRAL
from jgo.maven import MavenContext, PythonResolver

from penstock.console.broker.jars import Pin
from penstock.console.failure import ConsoleFailure

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Told a file's name and size in bytes; the function it yields is told of every chunk that came."""

DOWNLOADS_AT_ONCE = 4
NETWORK_TIMEOUT_S = 60


def download(
    missing: Sequence[Pin], folder: Path, progress: Progress | None = None, repository: str = MAVEN_CENTRAL
) -> None:
    """Put every archive of `missing` into `folder`; one without its pinned digest never arrives there.

    Raises:
        ConsoleFailure: the repository cannot be reached, the folder not written, or a digest differs.
    """
    given_up = Event()
    resolver = PythonResolver(progress_callback=_stoppable(progress or _silent, given_up))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="download-") as staging:
            context = MavenContext(
                resolver, Path(staging), remote_repos={"remote": repository}, timeout=NETWORK_TIMEOUT_S
            )
            _fetch_all(context, folder, missing, given_up)
    except (OSError, RuntimeError) as error:
        raise ConsoleFailure(
            f"{len(missing)} Java archives ({missing[0].file_name} first) could not be fetched from "
            f"{repository} into {folder}: {type(error).__name__}. They are fetched once; connect and try again."
        ) from error


def _fetch_all(context: MavenContext, folder: Path, missing: Sequence[Pin], given_up: Event) -> None:
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        fetched = [pool.submit(_fetch, context, folder, pin) for pin in missing]
        try:
            for future in fetched:
                future.result()
        except BaseException:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(context: MavenContext, folder: Path, pin: Pin) -> None:
    component = context.project(pin.group, pin.name).at_version(pin.version)
    path = component.artifact(classifier=pin.classifier).resolve()
    if not pin.matches(path):
        raise ConsoleFailure(
            f"{pin.file_name}, as it came, does not have the pinned SHA-256 {pin.digest}. "
            "It was thrown away and nothing was started."
        )
    path.replace(folder / pin.file_name)


def _silent(_name: str, _size: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


def _stoppable(progress: Progress, given_up: Event) -> Progress:
    """`progress`, at whose next chunk a download ends once `given_up` is set."""

    @contextmanager
    def stopping(name: str, size: int) -> Iterator[Callable[[int], None]]:
        with progress(name, size) as advance:

            def advance_or_stop(chunk: int) -> None:
                if given_up.is_set():
                    raise InterruptedError(name)
                advance(chunk)

            yield advance_or_stop

    return stopping
