"""Laws of the assignor: everything owned once, evenly, together, and nothing moves that need not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.kafka.assignor import unit_assignor, unit_of
from penstock.bus.routes import Unit
from penstock.bus.unit_assignment import share_out

streams = st.none() | st.sampled_from(["loans", "power", "shop"])
units = st.sets(st.builds(Unit, streams, st.integers(0, 7)), max_size=12)
members = st.sets(st.sampled_from("abcdef"), min_size=1)
held = st.dictionaries(st.sampled_from("abcdefxy"), st.lists(st.builds(Unit, streams, st.integers(0, 7)), max_size=12))


@given(units, members, held)
def test_every_unit_is_owned_once_and_shares_differ_by_one_at_most(
    units: set[Unit], members: set[str], held: dict[str, list[Unit]]
) -> None:
    shares = share_out(units, members, held)
    assert set(shares) == members
    assert sorted((unit for share in shares.values() for unit in share), key=repr) == sorted(units, key=repr)
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


@given(units, members, held, st.randoms())
def test_every_leader_decides_the_same_whatever_the_order(
    units: set[Unit], members: set[str], held: dict[str, list[Unit]], random: Any
) -> None:
    shuffled_units, shuffled_members, shuffled_held = list(units), list(members), list(held.items())
    for order in (shuffled_units, shuffled_members, shuffled_held):
        random.shuffle(order)
    assert share_out(shuffled_units, shuffled_members, dict(shuffled_held)) == share_out(units, members, held)


@given(units, members, members)
def test_as_few_units_move_as_evenness_allows(units: set[Unit], before: set[str], after: set[str]) -> None:
    held = share_out(units, before, {})
    shares = share_out(units, after, held)
    stayed = sum(len(set(held.get(name, [])) & set(share)) for name, share in shares.items())
    fewest, over = divmod(len(units), len(after))
    owned = [len(held.get(name, [])) for name in after]
    most = sum(min(size, fewest) for size in owned) + min(over, sum(size > fewest for size in owned))
    assert stayed == most
    assert share_out(units, after, shares) == shares


def test_no_members_own_nothing() -> None:
    assert share_out([Unit("loans", 0)], [], {}) == {}


def test_topics_of_a_stream_and_the_control_plane_are_units() -> None:
    assert unit_of("ns.loans.events", 3, "ns") == unit_of("ns.loans.labels", 3, "ns") == Unit("loans", 3)
    assert unit_of("ns.training-runs", 0, "ns") == Unit(None, 0)


class _Cluster(ClusterMetadata):  # type: ignore[misc]
    def __init__(self, partitions: Mapping[str, int]) -> None:
        super().__init__()
        self._counts = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._counts[topic])) if topic in self._counts else None


def assigned(partitions: Mapping[str, int], subscriptions: Mapping[str, list[str]]) -> dict[str, set[tuple[str, int]]]:
    assignors = {name: unit_assignor("ns") for name in subscriptions}
    metadata = {name: assignors[name].metadata(topics) for name, topics in subscriptions.items()}
    found = next(iter(assignors.values())).assign(_Cluster(partitions), metadata)
    return {
        name: {(topic, number) for topic, numbers in assignment.assignment for number in numbers}
        for name, assignment in found.items()
    }


def test_events_and_labels_of_a_partition_are_owned_together() -> None:
    topics = ["ns.loans.events", "ns.loans.labels", "ns.loans.outcomes"]
    found = assigned({topics[0]: 4, topics[1]: 4, topics[2]: 1}, {"a": topics, "b": topics})
    for places in found.values():
        assert {n for topic, n in places if topic == topics[0]} == {n for topic, n in places if topic == topics[1]}
    assert sum(len(places) for places in found.values()) == 9


def test_a_member_is_given_no_topic_that_it_has_not_heard_of() -> None:
    found = assigned({"ns.old.events": 2, "ns.new.events": 2}, {"a": ["ns.old.events", "ns.new.events"], "b": []})
    assert all(topic in ("ns.old.events", "ns.new.events") for topic, _ in found["a"])
    assert found["b"] == set()


def test_a_topic_that_does_not_exist_yet_is_passed_over() -> None:
    assert assigned({}, {"a": ["ns.new.events"]}) == {"a": set()}


def test_a_member_that_was_told_its_places_holds_them_at_the_next_rebalance() -> None:
    one, other = unit_assignor("ns"), unit_assignor("ns")
    cluster, topics = _Cluster({"ns.loans.events": 4}), ["ns.loans.events"]
    alone = one.assign(cluster, {"a": one.metadata(topics)})
    one.on_assignment(alone["a"])
    assert other.held == []
    both = one.assign(cluster, {"a": one.metadata(topics), "0": other.metadata(topics)})
    assert set(both["a"].assignment[0][1]) < set(alone["a"].assignment[0][1])
    garbled = one.metadata(topics)
    garbled.user_data = b"\xff"
    assert one.assign(cluster, {"a": garbled})["a"].assignment == alone["a"].assignment
