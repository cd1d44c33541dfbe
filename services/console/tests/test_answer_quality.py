"""The newest answers as `penstock quality` shows them: on two clocks, by window and by group."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from penstock.console.commands.quality import _query
from penstock.console.failure import ConsoleFailure
from penstock.console.views.answer_quality import answer_quality
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.predictions import PredictionData
from penstock.registry.quality.answers import Answer, Answers
from penstock.registry.quality.report import quality_report

DECLARATION = parse_declaration(
    """
[stream]
name = "loans"
task = "binary"

[label]
name = "repaid"
classes = ["no", "yes"]

[fields]
region = { type = "category" }
amount = { type = "number" }
"""
)
START = datetime(2026, 3, 1, tzinfo=UTC)


def shown(labelled: int, answers: int, by: tuple[str, ...] = ()) -> str:
    """What is printed of so many answers, the first of which have labels, 9 in 10 as answered."""
    prediction = PredictionData(
        model="m", version=1, digest="d", epoch=1, schema=1, code="t", value="yes", probabilities=[0.2, 0.8]
    )
    region = DECLARATION.attribute_of("region")
    rows = [
        Answer(
            START + timedelta(minutes=at),
            prediction,
            SimpleNamespace(**{region: "" if at % 2 else "north"}),
            ("yes" if at % 10 else "no") if at < labelled else None,
            at if at < labelled else None,
        )
        for at in range(answers)
    ]
    document: dict[str, Any] = json.loads(quality_report(DECLARATION, Answers(rows), by).model_dump_json())
    console = Console(width=250, record=True)
    console.print(answer_quality(document))
    return console.export_text()


def test_both_clocks_are_shown_with_the_times_and_the_estimate_before_labels() -> None:
    text = shown(200, 250)
    assert "2026-03-01 00:00:00 - 03:19:00" in text
    assert "0.9 [0.851, 0.934]" in text, "the accuracy of those that have matured, with its interval"
    assert "so far)" in text, "the estimate's own past error"
    assert "F1" in text
    assert text.count("provisional") == 2, "as a clock, and as a window"


def test_groups_take_the_place_of_windows() -> None:
    text = shown(200, 250, ("region", "version"))
    assert "(missing)" in text
    assert "north" in text


def test_before_any_label_all_answers_are_provisional() -> None:
    text = shown(0, 30)
    assert "no label has come yet" in text
    assert "accuracy" not in text


def test_a_time_is_taken_to_be_in_utc_and_another_text_is_refused() -> None:
    assert _query("", "2026-03-01") == {"since": "2026-03-01T00:00:00+00:00"}
    with pytest.raises(ConsoleFailure, match="write a time as"):
        _query("", "yesterday")
