"""The report of a run as one HTML file: no script, nothing that is loaded, every name from the user's file escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from penstock.console.replay.report.report import Report
from penstock.console.replay.rows.labelled_rows import LabelledRows
from penstock.console.report_page.calibration_chart import calibration_chart
from penstock.console.report_page.field_values import compare_fields
from penstock.console.report_page.figures import figures
from penstock.console.report_page.numbers import number_text, share_text, value_text
from penstock.console.report_page.score_chart import score_chart
from penstock.console.views.replay_summary import summary_lines
from penstock.contracts.declaration.stream import Declaration


@dataclass(frozen=True)
class ReportPage:
    """What a page shows.

    Attributes:
        title: of the page.
        stream: the name of the stream.
        declaration: of the stream.
        report: on the run.
        rows: that were sent, to read the values of the fields from.
        settings: of the run, by name.
        file_lines: the lines in the file of refused rows, by the number of the row; empty without a file.
    """

    title: str
    stream: str
    declaration: Declaration
    report: Report
    rows: LabelledRows
    settings: Mapping[str, str]
    file_lines: Mapping[int, int]

    def html(self, written: datetime) -> str:
        """The page, as of this time."""
        return _page.render(
            page=self,
            report=self.report,
            written=written,
            summary=[line.strip() for line in summary_lines(self.report)],
            figures=figures(self.report),
            scores=score_chart(self.report),
            calibration=calibration_chart(self.report),
            comparison=compare_fields(self.rows, self.report.events, self._first_training(), self.declaration),
        )

    def write(self, path: Path) -> None:
        """Write the page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html(datetime.now(UTC)), encoding="utf-8")

    def _first_training(self) -> int | None:
        return next((line.at_event for line in self.report.trainings), None)


_environment = Environment(
    loader=PackageLoader("penstock.console", "report_page/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"number": number_text, "share": share_text, "value": value_text}
_page = _environment.get_template("page.html")
