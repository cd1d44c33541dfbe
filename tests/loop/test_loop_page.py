"""The page of the whole loop: what its log holds is on it."""

from __future__ import annotations

from datetime import UTC, datetime

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.demo.loop_step import awaited
from penstock.console.report_page.page import ReportPage

from .conftest import CHANGE_AT, COUNT, LoopRun

MOST_BYTES = 1_000_000


def test_the_page_of_the_loop_names_every_epoch_drift_and_training(loop_run: LoopRun) -> None:
    report, declaration = loop_run.report, demo_declaration()
    page = ReportPage("Loop", "credit-risk", declaration, report, CreditRisk(COUNT, CHANGE_AT), {}, {})
    html = page.html(datetime(2026, 1, 1, tzinfo=UTC))
    assert len(report.epochs) > 1
    assert report.drifts
    for kind, lines in (("drift", report.drifts), ("training", report.trainings)):
        assert [f'id="{kind}-{number}"' in html for number in range(1, len(lines) + 2)] == [True] * len(lines) + [False]
    assert all(f'<tr id="epoch-{line.epoch}">' in html for line in report.epochs)
    assert all(f"<b>{name}</b>" in html for name in declaration.features)
    assert len(html.encode()) < MOST_BYTES


def test_at_its_end_the_loop_waits_for_no_training(loop_run: LoopRun) -> None:
    assert "training that runs" not in awaited(loop_run.watch)
    assert "until the first model" not in awaited(loop_run.watch)
