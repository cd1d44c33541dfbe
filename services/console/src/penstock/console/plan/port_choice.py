"""Choosing the ports on which a deployment listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from penstock.console.failure import wrong_input
from penstock.console.local_ports import listening_process

STEP = 100
LAST_ORDINARY_PORT = 32767
"""Above it are the ports of outgoing connections, one of which could block a service's restart."""


@dataclass(frozen=True)
class PortRequest:
    """What decides the port called `name`: the usual one, that of the previous start, and the one the user set."""

    name: str
    usual: int
    previous: int | None = None
    requested: int | None = None


def choose_ports(requests: Sequence[PortRequest], is_free: Callable[[int], bool]) -> dict[str, int]:
    """A port for each request, all different: the one the user set, else the previous, the usual, or one near it.

    Raises:
        ConsoleFailure: a port that the user set is in use or set twice, or no port is left.

    >>> choose_ports([PortRequest("server", 8020), PortRequest("zipkin", 9411)], lambda port: port != 8020)
    {'server': 8120, 'zipkin': 9411}
    """
    chosen: dict[str, int] = {}
    for request in sorted(requests, key=lambda request: request.requested is None):
        free = (port for port in _candidates(request) if port not in chosen.values() and is_free(port))
        port = next(free, None)
        if port is None:
            raise wrong_input(_no_port_message(request, chosen))
        chosen[request.name] = port
    return {request.name: chosen[request.name] for request in requests}


def requested_ports(environment: Mapping[str, str], flags: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    """The ports set by `NAME=PORT` flags or, where there is no flag, by `PENSTOCK_PORT_<NAME>`.

    Raises:
        ConsoleFailure: a name is unknown or a port is not a port number.
    """
    variables = {name: environment.get(port_variable(name)) for name in names}
    texts = {name: text for name, text in variables.items() if text}
    for flag in flags:
        name, _, text = flag.partition("=")
        texts[name] = text
    return {name: _port(name, text, names) for name, text in texts.items()}


def port_variable(name: str) -> str:
    """The environment variable that sets a port.

    >>> port_variable("drift-detector")
    'PENSTOCK_PORT_DRIFT_DETECTOR'
    """
    return f"PENSTOCK_PORT_{name.upper().replace('-', '_')}"


def _candidates(request: PortRequest) -> Iterator[int]:
    if request.requested is not None:
        yield request.requested
        return
    if request.previous is not None:
        yield request.previous
    yield from range(request.usual, LAST_ORDINARY_PORT, STEP)


def _port(name: str, text: str, names: Sequence[str]) -> int:
    if name not in names:
        raise wrong_input(f"There is no port named {name!r}; the names are {', '.join(names)}.")
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise wrong_input(f"The port of {name} must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _no_port_message(request: PortRequest, chosen: Mapping[str, int]) -> str:
    port = request.requested
    if port is None:
        return f"No port is free for {request.name}, from {request.usual} in steps of {STEP}."
    other = next((name for name, other_port in chosen.items() if other_port == port), None)
    owner = f"{other}, for which it was asked too" if other else listening_process(port)
    return f"Port {port}, asked for {request.name}, is taken by {owner}. Choose another."
