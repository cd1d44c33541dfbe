"""`stream init`: keys of a history are declared where the first tenth shows that they help, and not by chance."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from penstock.console.init.declaration_text import declaration_text
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
