"""The record of a deployment, `run/deployment.json`: written by the supervisor, read by every command."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, check_format
from penstock.console.process_identity import ProcessIdentity
from penstock.runtime.supervision.process_health import ProcessState

STREAM_CHILD = "server-stream"
"""The name of the port of the server's child that scores the streams' events."""


class ProcessRecord(BaseModel):
    """One process of the deployment; processes under it answer at `children`."""

    port: int
    url: str
    children: tuple[str, ...] = ()
    state: ProcessState = ProcessState.STOPPED
    process: ProcessIdentity | None = None
    restarts: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether it is ready, and still runs."""
        return self.state is ProcessState.READY and self.process is not None and self.process.find() is not None


class Deployment(BaseModel):
    """A deployment: its addresses and its processes.

    `processes` are keyed by name, `broker` first; `ports` are kept after a stop, for the next start.
    """

    namespace: str
    bootstrap: str
    zipkin: str | None = None
    ports: dict[str, int]
    supervisor: ProcessIdentity | None = None
    processes: dict[str, ProcessRecord]

    @classmethod
    def read(cls, home: Home) -> Deployment | None:
        """The record in `home`, whether or not it still runs; None if nothing was ever started there.

        Raises:
            ConsoleFailure: the record, or the home itself, is of another format.
        """
        check_format(home)
        file = home.run / "deployment.json"
        try:
            return cls.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise ConsoleFailure(
                f"{file} cannot be read: it is not a deployment record. Remove it if nothing runs.", status=2
            ) from error

    def write(self, home: Home) -> None:
        """Replace the record in `home`; a reader sees the old one or the new one."""
        unfinished = home.run / "deployment.json.new"
        unfinished.write_text(self.model_dump_json(indent=2))
        unfinished.replace(home.run / "deployment.json")

    @property
    def is_supervised(self) -> bool:
        """Whether its supervisor runs."""
        return self.supervisor is not None and self.supervisor.find() is not None

    @property
    def is_ready(self) -> bool:
        """Whether every process is ready."""
        return all(record.is_ready for record in self.processes.values())

    def url(self, process: str) -> str:
        """The address of a process, without a trailing slash: `http://127.0.0.1:8010`."""
        return self.processes[process].url

    def service_urls(self) -> dict[str, str]:
        """The address of each process that answers HTTP, and of the server's child that reads the streams."""
        urls = {name: record.url for name, record in self.processes.items() if record.url.startswith("http")}
        if "server" in urls and STREAM_CHILD in self.ports:
            urls[STREAM_CHILD] = f"http://{urlsplit(urls['server']).hostname}:{self.ports[STREAM_CHILD]}"
        return urls


def running_deployment(home: Home) -> Deployment:
    """The deployment that runs in `home`.

    Raises:
        ConsoleFailure: nothing runs there.
    """
    deployment = Deployment.read(home)
    if deployment is None or not deployment.is_supervised:
        raise ConsoleFailure(f"Nothing runs in {home.root}. Start it with: penstock up")
    return deployment
