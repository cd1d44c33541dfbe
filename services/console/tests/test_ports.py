"""Choosing ports."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.plan.ports import (
    HOST,
    PortWish,
    choose_ports,
    demanded_ports,
    free_ports,
    is_free,
    port_variable,
)
from penstock.console.plan.service_plans import USUAL_PORTS

port_numbers = st.integers(1024, 20_000)
wishes = st.dictionaries(
    st.sampled_from(sorted(USUAL_PORTS)), st.tuples(port_numbers, st.none() | port_numbers), min_size=1
).map(lambda made: [PortWish(name, usual, previous) for name, (usual, previous) in made.items()])


@given(wishes, st.sets(port_numbers))
def test_chosen_ports_are_free_and_all_different(made: list[PortWish], taken: set[int]) -> None:
    chosen = choose_ports(made, lambda port: port not in taken)
    assert list(chosen) == [wish.name for wish in made]
    assert len(set(chosen.values())) == len(chosen)
    assert not taken & set(chosen.values())


@given(wishes)
def test_the_same_ports_are_chosen_again(made: list[PortWish]) -> None:
    chosen = choose_ports(made, lambda _: True)
    again = [PortWish(wish.name, wish.usual, chosen[wish.name]) for wish in made]
    assert choose_ports(again, lambda _: True) == chosen


@given(wishes, port_numbers)
def test_a_demanded_port_goes_before_all_others(made: list[PortWish], demanded: int) -> None:
    *others, last = made
    chosen = choose_ports([*others, PortWish(last.name, last.usual, demanded=demanded)], lambda _: True)
    assert chosen[last.name] == demanded


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(ConsoleFailure, match=rf"Port {port}, asked for server, .*process {os.getpid()}"):
            choose_ports([PortWish("server", 8020, demanded=port)], is_free)


def test_a_port_asked_for_twice_is_refused() -> None:
    twice = [PortWish("server", 8020, demanded=9000), PortWish("registry", 8030, demanded=9000)]
    with pytest.raises(ConsoleFailure, match="Port 9000, asked for registry, is taken by server"):
        choose_ports(twice, lambda _: True)


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_flag_goes_before_the_environment() -> None:
    environment = {port_variable("drift-detector"): "9001", port_variable("server"): "9002"}
    assert demanded_ports(environment, ["server=9003"], list(USUAL_PORTS)) == {
        "drift-detector": 9001,
        "server": 9003,
    }


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("server=80x0", "port of server .*'80x0'"),
        ("server=0", "1 to 65535"),
        ("server=65536", "1 to 65535"),
        ("server=\u0661\u0662", "1 to 65535"),
        ("server", "1 to 65535"),
        ("scorer=9000", "no port named 'scorer'"),
    ],
)
def test_what_is_no_port_is_refused(flag: str, said: str) -> None:
    with pytest.raises(ConsoleFailure, match=said) as refused:
        demanded_ports({}, [flag], list(USUAL_PORTS))
    assert refused.value.status == 2
