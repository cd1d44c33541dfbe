"""Choosing the ports of a deployment."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.local_ports import HOST, free_ports, is_free
from penstock.console.plan.port_choice import (
    PortRequest,
    choose_ports,
    port_variable,
    requested_ports,
)
from penstock.console.plan.service_plans import USUAL_PORTS

port_numbers = st.integers(1024, 20_000)
port_requests = st.dictionaries(
    st.sampled_from(sorted(USUAL_PORTS)), st.tuples(port_numbers, st.none() | port_numbers), min_size=1
).map(lambda ports: [PortRequest(name, usual, previous) for name, (usual, previous) in ports.items()])


@given(port_requests, st.sets(port_numbers))
def test_chosen_ports_are_free_and_all_different(requests: list[PortRequest], taken: set[int]) -> None:
    chosen = choose_ports(requests, lambda port: port not in taken)
    assert list(chosen) == [request.name for request in requests]
    assert len(set(chosen.values())) == len(chosen)
    assert not taken & set(chosen.values())


@given(port_requests)
def test_the_same_ports_are_chosen_again(requests: list[PortRequest]) -> None:
    chosen = choose_ports(requests, lambda _: True)
    again = [PortRequest(request.name, request.usual, chosen[request.name]) for request in requests]
    assert choose_ports(again, lambda _: True) == chosen


@given(port_requests, port_numbers)
def test_a_requested_port_goes_before_all_others(requests: list[PortRequest], requested: int) -> None:
    *others, last = requests
    chosen = choose_ports([*others, PortRequest(last.name, last.usual, requested=requested)], lambda _: True)
    assert chosen[last.name] == requested


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(ConsoleFailure, match=rf"Port {port}, asked for server, .*process {os.getpid()}"):
            choose_ports([PortRequest("server", 8020, requested=port)], is_free)


def test_a_port_that_is_set_twice_is_refused() -> None:
    twice = [PortRequest("server", 8020, requested=9000), PortRequest("registry", 8030, requested=9000)]
    with pytest.raises(ConsoleFailure, match="Port 9000, asked for registry, is taken by server"):
        choose_ports(twice, lambda _: True)


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_flag_goes_before_the_environment() -> None:
    environment = {port_variable("drift-detector"): "9001", port_variable("server"): "9002"}
    assert requested_ports(environment, ["server=9003"], list(USUAL_PORTS)) == {
        "drift-detector": 9001,
        "server": 9003,
    }


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("server=80x0", "port of server .*'80x0'"),
        ("server=0", "1 to 65535"),
        ("server=65536", "1 to 65535"),
        ("server=\u0661\u0662", "1 to 65535"),
        ("server", "1 to 65535"),
        ("scorer=9000", "no port named 'scorer'"),
    ],
)
def test_what_is_no_port_is_refused(flag: str, message: str) -> None:
    with pytest.raises(ConsoleFailure, match=message) as failure:
        requested_ports({}, [flag], list(USUAL_PORTS))
    assert failure.value.status == 2
