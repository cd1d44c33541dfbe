"""Ports of the loopback address: which are free, and which process has one."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import psutil

HOST = "127.0.0.1"


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
    """As many different free ports, chosen by the operating system."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind((HOST, 0))
        return [sock.getsockname()[1] for sock in sockets]


def listening_process(port: int) -> str:
    """The process that listens on `port`, as far as this user may see it."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pid = next(c.pid for c in connections if c.laddr and c.laddr.port == port and c.pid)
        return f"process {pid} ({psutil.Process(pid).name()})"
    except (psutil.Error, StopIteration):
        return "another process"
