"""Choosing the ports on which a deployment listens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from penstock.console.failure import ConsoleFailure

HOST = "127.0.0.1"
STEP = 100
LAST_ORDINARY_PORT = 32767
"""Above it lie the ports that outgoing connections are given, which would block a service's restart."""


@dataclass(frozen=True)
class PortWish:
    """What is known about the port of `name`: the usual one, the one of last time, the one asked for."""

    name: str
    usual: int
    previous: int | None = None
    demanded: int | None = None


def choose_ports(wishes: Sequence[PortWish], is_free: Callable[[int], bool]) -> dict[str, int]:
    """A port for each wish, all different: the one demanded, else last time's, the usual, or one near it.

    Raises:
        ConsoleFailure: a demanded port is taken or demanded twice, or no port is left.

    >>> choose_ports([PortWish("server", 8020), PortWish("zipkin", 9411)], lambda port: port != 8020)
    {'server': 8120, 'zipkin': 9411}
    """
    chosen: dict[str, int] = {}
    for wish in sorted(wishes, key=lambda wish: wish.demanded is None):
        free = (port for port in _candidates(wish) if port not in chosen.values() and is_free(port))
        port = next(free, None)
        if port is None:
            raise _taken(wish, chosen)
        chosen[wish.name] = port
    return {wish.name: chosen[wish.name] for wish in wishes}


def demanded_ports(environment: Mapping[str, str], flags: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    """The ports asked for by `PENSTOCK_PORT_<NAME>` and, before it, by `NAME=PORT` flags.

    Raises:
        ConsoleFailure: a name is unknown or a port is not one.
    """
    variables = {name: environment.get(port_variable(name)) for name in names}
    asked = {name: text for name, text in variables.items() if text}
    for flag in flags:
        name, _, text = flag.partition("=")
        asked[name] = text
    return {name: _port(name, text, names) for name, text in asked.items()}


def port_variable(name: str) -> str:
    """The environment variable that sets a port.

    >>> port_variable("drift-detector")
    'PENSTOCK_PORT_DRIFT_DETECTOR'
    """
    return f"PENSTOCK_PORT_{name.upper().replace('-', '_')}"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """That many different ports that nothing listens on now, chosen by the operating system."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def _candidates(wish: PortWish) -> Iterator[int]:
    if wish.demanded is not None:
        yield wish.demanded
        return
    if wish.previous is not None:
        yield wish.previous
    yield from range(wish.usual, LAST_ORDINARY_PORT, STEP)


def _port(name: str, text: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ConsoleFailure(f"There is no port named {name!r}; the names are {', '.join(names)}.", status=2)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ConsoleFailure(f"The port of {name} must be a number from 1 to 65535, not {text!r}.", status=2)
    return int(text)


def _taken(wish: PortWish, chosen: Mapping[str, int]) -> ConsoleFailure:
    port = wish.demanded
    if port is None:
        return ConsoleFailure(f"No port is free for {wish.name}, from {wish.usual} in steps of {STEP}.", status=2)
    twice = next((name for name, other in chosen.items() if other == port), None)
    by = f"{twice}, for which it was asked too" if twice else _listener(port)
    return ConsoleFailure(f"Port {port}, asked for {wish.name}, is taken by {by}. Choose another.", status=2)


def _listener(port: int) -> str:
    """Who listens on `port`, as far as this user may know."""
    try:
        connections = psutil.net_connections(kind="tcp")
        owner = next(c.pid for c in connections if c.laddr and c.laddr.port == port and c.pid)
        return f"process {owner} ({psutil.Process(owner).name()})"
    except (psutil.Error, StopIteration):
        return "another process"
