"""`stream init`: keys of a history are declared where the first tenth shows that they help, or cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from pathlib import Path
from random import Random

import pytest

from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.proposal import HistoryKey
from penstock.contracts.declaration.stream_file import parse_declaration

from .proposals import proposal_for, proposed


def test_a_history_is_declared_where_it_helps(tmp_path: Path) -> None:
    random = Random(1)
    shops = [random.randrange(40) for _ in range(10_000)]
    fraud = ["yes" if random.random() < (0.6 if shop < 4 else 0.02) else "no" for shop in shops]
    ages = [random.randrange(60) for _ in shops]
    for shop_ids, kind in (
        ([f"s{shop}" for shop in shops], "category"),
        ([shop * 17 % 40 * 7919 for shop in shops], "integer"),
    ):
        columns = {"shop": shop_ids, "age": ages, "fraud": fraud}
        proposal = proposal_for(tmp_path, columns)
        assert [key.columns[0] for key in proposal.history_keys] == ["shop"]
        assert "known labels of the same shop: " in declaration_text(proposal)
        declaration = parse_declaration(declaration_text(proposal))
        assert (declaration.history.keys, declaration.fields["shop"].type) == (("shop",), kind)
        assert (declaration.entity, declaration.lags.any) == (None, False)
        assert proposed(tmp_path, columns, entity="shop").history.keys == ("shop",)


def test_a_rare_class_that_a_key_tells_is_seen_and_chance_is_not(tmp_path: Path) -> None:
    random = Random(2)
    terminals = [random.randrange(200) for _ in range(40_000)]
    taken = {terminal: random.randrange(3000) for terminal in range(6)}
    fraud = [
        "yes" if random.random() < (0.4 if 0 <= row - taken.get(terminal, 40_000) < 2000 else 0.005) else "no"
        for row, terminal in enumerate(terminals)
    ]
    columns = {
        "terminal": [f"t{terminal}" for terminal in terminals],
        "customer": [f"c{random.randrange(2000)}" for _ in terminals],
        "fraud": fraud,
    }
    assert 0.003 < fraud[:4000].count("yes") / 4000 < 0.03
    assert [key.columns[0] for key in proposal_for(tmp_path, columns).history_keys] == ["terminal"]


@pytest.mark.parametrize("numbers", [False, True])
def test_a_measure_and_a_stretch_of_time_are_no_keys(tmp_path: Path, numbers: bool) -> None:
    random = Random(3)
    size = [random.randrange(200) for _ in range(20_000)]
    days = [row // 60 for row in range(20_000)]
    level = [size[row] / 100 + (row // 1500 % 2) for row in range(20_000)]
    labels: list[object] = [value + random.gauss(0, 1) for value in level]
    columns = {
        "size": size,
        "day": days,
        "y": labels if numbers else ["no" if label < 1.5 else "yes" for label in labels],
    }
    assert proposal_for(tmp_path, columns).history_keys == ()


def payments(rows: int, fraud: Sequence[object], customers: int = 300) -> dict[str, Sequence[object]]:
    random = Random(4)
    return {
        "customer": [f"c{random.randrange(customers)}" for _ in range(rows)],
        "terminal": [f"t{random.randrange(100)}" for _ in range(rows)],
        "order": [f"o{row // 3}" for row in range(rows)],
        "street": [f"{random.randrange(rows)} Main Street" for row in range(rows)],
        "items": [random.randrange(40) for _ in range(rows)],
        "country": [random.choice("abcdefgh") for _ in range(rows)],
        "fraud": fraud,
    }


def test_names_that_come_again_are_keys_where_no_label_could_show_it(tmp_path: Path) -> None:
    fraud = ["yes" if row > 1000 and row % 97 == 0 else "no" for row in range(6000)]
    proposal = proposal_for(tmp_path, payments(6000, fraud))
    assert proposal.history_keys == (HistoryKey(("terminal",), 0.0), HistoryKey(("customer",), 0.0))
    text = declaration_text(proposal)
    assert "known labels of the same terminal: may help, too few labels to tell" in text
    assert parse_declaration(text).history.keys == ("terminal", "customer")


def test_a_name_is_no_key_where_labels_could_show_it_and_do_not(tmp_path: Path) -> None:
    random = Random(5)
    answers = [random.choice(("yes", "no")) for _ in range(20_000)]
    columns = {"terminal": [f"t{random.randrange(50)}" for _ in answers], "answer": answers}
    assert proposal_for(tmp_path, columns).history_keys == ()
    unsure = columns | {"terminal": [f"t{random.randrange(1000)}" for _ in answers]}
    assert proposal_for(tmp_path, unsure).history_keys == (HistoryKey(("terminal",), 0.0),)


@pytest.mark.parametrize("is_rare", [False, True])
def test_of_columns_that_say_the_same_the_first_is_a_key(tmp_path: Path, is_rare: bool) -> None:
    random = Random(6)
    shops = [random.randrange(40) for _ in range(10_000)]
    bad = [
        random.random() < (0.6 if shop < 4 else 0.02) and not (is_rare and row < 1000) for row, shop in enumerate(shops)
    ]
    columns = {
        "shop": [f"s{shop}" for shop in shops],
        "name": [f"Shop {shop * 7} Ltd" for shop in shops],
        "fraud": ["yes" if each else "no" for each in bad],
    }
    assert [key.columns for key in proposal_for(tmp_path, columns).history_keys] == [("shop",)]


@pytest.mark.parametrize("numbers", [False, True])
def test_a_pair_is_a_key_where_it_says_more_than_both_columns(tmp_path: Path, numbers: bool) -> None:
    random = Random(7)
    rows = [(random.randrange(25), random.randrange(4)) for _ in range(20_000)]
    of_pair = {(shop, item): random.choice((-2.0, 2.0)) for shop in range(25) for item in range(4)}
    of_either = {(shop, item): shop / 6 + item - 3.5 for shop in range(25) for item in range(4)}
    for level, expected in ((of_pair, ["item,shop"]), (of_either, [])):
        levels = [level[row] for row in rows]
        labels: list[object] = [each + random.gauss(0, 1) for each in levels]
        columns = {
            "item": [f"i{item}" for _, item in rows],
            "shop": [f"s{shop}" for shop, _ in rows],
            "y": labels if numbers else ["yes" if random.random() < 1 / (1 + exp(-each)) else "no" for each in levels],
        }
        proposal = proposal_for(tmp_path, columns)
        pairs = [",".join(sorted(key.columns)) for key in proposal.history_keys if len(key.columns) > 1]
        assert pairs == expected
        if expected:
            assert ("shop", "item") in parse_declaration(declaration_text(proposal)).history.fields
