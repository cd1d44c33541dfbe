"""The page of a demo."""

from __future__ import annotations

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import EVENTS, LABEL_DELAY, RATE, DemoResult, demo_declaration
from penstock.console.report_page.page import ReportPage
from penstock.console.report_page.settings_list import declaration_settings


def demo_page(result: DemoResult) -> ReportPage:
    """The page of the stream that the demo ran."""
    declaration = demo_declaration()
    settings = {
        "rows": f"{EVENTS:,} generated loan applications; the world changes at row {result.planted_at:,}",
        "label delay": f"{LABEL_DELAY:,} rows after which a row's label becomes known",
        "time": f"{RATE:g} rows a second, on a running deployment",
        **declaration_settings(declaration),
    }
    rows = CreditRisk(EVENTS, result.planted_at)
    return ReportPage("The Penstock demo", result.stream, declaration, result.report, rows, settings, {})
