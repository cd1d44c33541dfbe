"""The record of a deployment, `run/deployment.json`: written by the supervisor, read by every command."""

from __future__ import annotations

from http.client import HTTPException
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from pydantic import BaseModel, ValidationError

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, check_format
from penstock.console.local_ports import HOST
from penstock.console.process_identity import ProcessIdentity
from penstock.runtime.supervision.process_health import ProcessState
from penstock.runtime.supervision.status_server import ASK_LIMIT_S

BROKER = "broker"
"""The name of the broker among the processes of a deployment that has its own."""
STREAM_CHILD = "server-stream"
"""The name of the port of the server's child that scores the streams' events."""

_open = build_opener(ProxyHandler({})).open  # a proxy of the environment is not for this machine


class ProcessRecord(BaseModel):
    """One process of the deployment, which answers at `ready` when it is.

    Processes under it answer at `children`, and it says at `children_port` how they are. `why` it ended last, or could
    not be started.
    """

    port: int
    url: str
    ready: str = ""
    children: tuple[str, ...] = ()
    children_port: int | None = None
    state: ProcessState = ProcessState.STOPPED
    process: ProcessIdentity | None = None
    restarts: int = 0
    why: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it is ready, and still runs."""
        return self.state is ProcessState.READY and self.process is not None and self.process.find() is not None


class Deployment(BaseModel):
    """A deployment: its addresses and its processes.

    `processes` are keyed by name, `broker` first; `ports` are kept after a stop, for the next start. The supervisor
    gives its own record at `status_port`, where `unwritten` says why the file could not be written, if it could not.

    Of one on another machine `remote` is the URL of the registry by which it was found, `artifacts` the store of its
    models, and `trusted_keys` the public keys, in PEM, that sign them; its processes are addresses alone.
    """

    namespace: str
    bootstrap: str
    zipkin: str | None = None
    ports: dict[str, int]
    supervisor: ProcessIdentity | None = None
    status_port: int | None = None
    unwritten: str = ""
    processes: dict[str, ProcessRecord]
    remote: str = ""
    artifacts: str = ""
    trusted_keys: str = ""

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
        except OSError as error:
            raise ConsoleFailure(f"{file} cannot be read: {error.strerror or error}", status=2) from error
        except ValidationError as error:
            raise ConsoleFailure(
                f"{file} cannot be read: it is not a deployment record. Remove it if nothing runs.", status=2
            ) from error

    @classmethod
    def current(cls, home: Home) -> Deployment | None:
        """As the supervisor of `home` knows it at this moment, whatever its disk takes; else as `read`.

        Raises:
            ConsoleFailure: as `read`.
        """
        recorded = cls.read(home)
        if recorded is None or recorded.status_port is None or not recorded.is_supervised:
            return recorded
        try:
            with _open(f"http://{HOST}:{recorded.status_port}/", timeout=ASK_LIMIT_S) as response:
                return cls.model_validate_json(response.read())
        except (OSError, HTTPException, ValidationError):
            return recorded.model_copy(update={"unwritten": "the supervisor does not answer"})

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
    deployment = Deployment.current(home)
    if deployment is None or not deployment.is_supervised:
        raise ConsoleFailure(f"Nothing runs in {home.root}. Start it with: penstock up")
    return deployment
