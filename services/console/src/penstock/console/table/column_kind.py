"""What a column is, decided from everything that was seen of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from penstock.console.table.column_profile import ColumnProfile, Kind
from penstock.console.table.column_scan import ColumnScan
from penstock.console.table.kept_texts import kept_texts
from penstock.console.table.number_format import Decimal, NumberFormat
from penstock.console.table.number_names import merged_texts, written_as_versions
from penstock.console.table.time_format import epoch_format, per_second
from penstock.console.table.value_counts import MOST_DISTINCT
from penstock.console.table.value_summary import MOST_EXCEPTIONS, ValueSummary
from penstock.contracts.declaration.stream import TimeFormat

LARGEST_SHARE = 0.01  # of a column's values that may be exceptions
FEW_EXCEPTIONS = 3  # that a small file may have, up to a tenth of its values
MOST_CODES = 50  # different texts of numbers that may be codes, such as versions
MOST_LATE = 0.05  # of rows out of order in a column that rises
HOUR = 3600
LEAST_LENGTH = 3  # times that by which its clock is set back
BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
TIME_FORMATS: dict[str, TimeFormat] = {
    "iso": "iso", "day_first": "day-first", "month_first": "month-first", "year_first": "year-first",
    "month_name": "month-name", "compact": "yyyymmdd",
}  # fmt: skip
SHORTER = 10  # times, for a reading of years of two digits that order does not tell from another
_TIME_NAME = re.compile(r"(^|[^a-z])(time|date|datetime|ts|epoch|when|at|created|updated)([^a-z]|$)|timestamp")


@dataclass(frozen=True)
class Decision:
    """What a column was found to be."""

    kind: Kind
    summary: ValueSummary | None = None
    number_format: NumberFormat | None = None
    time_format: TimeFormat | None = None
    ambiguous: str = ""
    codes: str = ""


def decide(name: str, scan: ColumnScan, decimal: Decimal) -> Decision:
    """What the column called `name` is; `decimal` is the file's decimal sign, for cells that leave it open."""
    if scan.typed:
        return _typed(name, scan) if not scan.texts else Decision("text")
    if _readable_values(scan) <= 0:
        return Decision("text" if scan.disguised else "empty")
    if scan.untyped and _is_boolean(scan.counts):
        return Decision("boolean")
    return _time(scan) or (_number(name, scan, decimal) if scan.untyped else None) or Decision("text")


def decimal_of_file(scans: Iterable[ColumnScan], delimiter: str) -> Decimal:
    """The decimal sign of a file's columns of numbers: the comma where some have it and none a point.

    Where no column shows it, a comma between three digits and three is one in a file with semicolons.
    """
    points, commas = 0, 0
    for scan in scans:
        point, comma = scan.summaries["point"], scan.summaries["comma"]
        points += point.count > comma.count and _is_number(scan, point)
        commas += comma.count > point.count and _is_number(scan, comma)
    return "," if not points and (commas or delimiter == ";") else "."


def profile_of(
    name: str, scan: ColumnScan, decision: Decision, missing_among_numbers: Collection[str]
) -> ColumnProfile:
    """The profile of the column called `name`; exceptions come without their line and text.

    `missing_among_numbers` holds the texts that stand for missing values in the file's columns of numbers and times.
    """
    is_text = decision.kind == "text"
    kept = kept_texts(scan, missing_among_numbers) if is_text else {}
    counts = Counter(scan.counts or {})
    if is_text and scan.counts is not None:
        counts.update(scan.disguised | Counter(kept))
    missing_texts = {text: count for text, count in scan.missing_texts.items() if text not in kept}
    summary = decision.summary
    disguised = dict(scan.disguised)
    if summary is not None and decision.kind in ("number", "integer"):
        disguised |= _sentinels(summary, scan)
    low, high = _ends(decision)
    return ColumnProfile(
        name=name,
        kind=decision.kind,
        rows=scan.rows,
        missing=scan.blanks + sum(missing_texts.values()),
        distinct=MOST_DISTINCT + 1 if scan.counts is None else len(counts),
        counts=dict(counts.most_common()) if scan.counts is not None else {},
        minimum=low,
        maximum=high,
        number_format=decision.number_format,
        time_format=decision.time_format,
        ambiguous=decision.ambiguous,
        exception_count=0 if summary is None else _readable_values(scan) - summary.count,
        missing_texts=missing_texts,
        kept_texts=kept,
        disguised=disguised,
        codes=decision.codes,
        merged=merged_texts(counts) if len(counts) <= MOST_CODES else (),
        unique=not scan.values.repeats,
        rising=summary is not None and (_is_rising(summary) or _is_set_back(decision)),
        late=0 if summary is None else summary.late,
    )


def _readable_values(scan: ColumnScan) -> int:
    absent = scan.blanks + sum(scan.missing_texts.values()) + sum(scan.disguised.values())
    return scan.rows - absent


def _allowed(values: int) -> float:
    """How many exceptions a column may have."""
    return max(values * LARGEST_SHARE, min(FEW_EXCEPTIONS, values // 10))


def _is_boolean(counts: Mapping[str, int] | None) -> bool:
    if not counts or len(counts) > 6:
        return False
    found = {text.strip().lower() for text in counts}
    words = found - {"0", "1"}  # beside true and false these are the same
    if words and any(words <= set(pair) for pair in BOOLEANS[:2]):
        return True
    return any(found == set(pair) for pair in BOOLEANS[2:])


def _time(scan: ColumnScan) -> Decision | None:
    """The column as times that are written as text; numbers may be times too, see `_number_time`."""
    values = _readable_values(scan)
    summaries = {name: scan.summaries[name] for name in TIME_FORMATS}
    best = max(summaries, key=lambda name: (summaries[name].count, -summaries[name].late))
    if not summaries[best].count or values - summaries[best].count > _allowed(values):
        return None
    if best == "compact" and scan.summaries["point"].count:
        return None
    if _is_plainer(summaries["year_first"], summaries[best]):
        best = "year_first"
    others = [name for name in summaries if name != best and summaries[name].count == summaries[best].count]
    ambiguous = " or ".join(TIME_FORMATS[name] for name in others)
    return Decision("time", summaries[best], time_format=TIME_FORMATS[best], ambiguous=ambiguous)


def _is_plainer(year_first: ValueSummary, best: ValueSummary) -> bool:
    """Whether 24-03-12 is in March 2024: where order does not tell, the 24th of March of many years is not meant."""
    as_good = (year_first.count, year_first.late) == (best.count, best.late)
    return as_good and SHORTER * _span(year_first) < _span(best)


def _span(summary: ValueSummary) -> float:
    return summary.maximum - summary.minimum


def _is_number(scan: ColumnScan, summary: ValueSummary) -> bool:
    values = _readable_values(scan)
    return summary.count > 0 and values - summary.count <= _allowed(values)


def _number(name: str, scan: ColumnScan, decimal_of_file: Decimal) -> Decision | None:
    values = _readable_values(scan)
    decimal = _decimal(scan, decimal_of_file)
    summary = scan.summaries["point" if decimal == "." else "comma"]
    if not _is_number(scan, summary):
        return None
    time = _number_time(name, scan, summary, NumberFormat(decimal))
    nanoseconds = time is not None and time.time_format == "epoch-nanoseconds"  # which are beyond 2^53
    if not nanoseconds and (codes := _codes(scan, summary, decimal)):
        return Decision("text", codes=codes)
    unit = max(scan.units, key=scan.units.__getitem__, default="")
    if 0 < scan.units["%"] * 2 < summary.count:  # 5% among plain numbers is 0.05 or 5: not for us to say
        if scan.units["%"] > _allowed(values):
            return None
        unit = "" if unit == "%" else unit
        failed = sorted({*summary.failed, *scan.percents})[:MOST_EXCEPTIONS]
        summary = replace(summary, count=summary.count - scan.units["%"], failed=failed)
    if sum(scan.units.values()) - scan.units[unit] > _allowed(values):
        return None  # amounts in several currencies are no numbers of one kind
    if time is not None:
        return time
    ambiguous = ""
    other = scan.summaries["comma" if decimal == "." else "point"]
    if other.count == summary.count and (other.minimum, other.maximum) != (summary.minimum, summary.maximum):
        ambiguous = "decimal commas" if decimal == "." else "decimal points"
    kind: Kind = "integer" if summary.whole else "number"
    return Decision(kind, summary, NumberFormat(decimal, unit), ambiguous=ambiguous)


def _decimal(scan: ColumnScan, decimal_of_file: Decimal) -> Decimal:
    """The decimal sign with which most cells are numbers; that of the file where both would do."""
    point, comma = scan.summaries["point"], scan.summaries["comma"]
    if point.count != comma.count:
        return "," if comma.count > point.count else "."
    return decimal_of_file


def _codes(scan: ColumnScan, summary: ValueSummary, decimal: str) -> str:
    """Why the numbers of a column are codes, kept as text, or empty."""
    measured = scan.fractions * 2 > summary.count  # most have a decimal point: these are measurements
    for reason, (text, count) in scan.codes.items():
        if reason == "a plus before digits" and scan.minus:
            continue
        if reason != "leading zeros" and count <= _allowed(summary.count):
            continue
        if not measured:
            return f"{reason}: {text}"
    if scan.counts is not None and decimal == "." and len(scan.counts) <= MOST_CODES and scan.values.repeats:
        # signs, blanks and exponents were judged above: they are how single cells are written
        texts = {text.strip().removeprefix("+") for text in scan.counts if "e" not in text.lower()}
        if pairs := merged_texts(sorted(texts)):
            return f"{pairs[0][0]} and {pairs[0][1]} would be one number"
        if version := written_as_versions(scan.counts):
            return f"digits after the point differ: {version}"
    return ""


def _number_time(name: str, scan: ColumnScan, numbers: ValueSummary, number_format: NumberFormat) -> Decision | None:
    """The column as times that are written as numbers: since 1970, or by their digits, of plausible years.

    They rise, or the column is called a time. Nanoseconds must be called so: ids of that length rise, too.
    """
    compact = scan.summaries["compact"]
    if _is_number(scan, compact):
        summary, time_format = compact, TIME_FORMATS["compact"]
    elif (epoch := epoch_format(numbers.minimum, numbers.maximum)) is not None:
        summary, time_format = numbers, epoch
    else:
        return None
    named = _TIME_NAME.search(name.lower()) is not None
    counter = _span(numbers) <= numbers.count  # neighbouring numbers are ids
    rises = _is_rising(summary) and not counter and not name.lower().endswith("id")
    if not named and (not rises or time_format == "epoch-nanoseconds"):
        return None
    return Decision("time", summary, number_format, time_format)


def _typed(name: str, scan: ColumnScan) -> Decision:
    summary = scan.summaries["typed"]
    if scan.typed == "boolean":
        return Decision("boolean")
    if not summary.count:
        return Decision("empty")
    if scan.typed == "time":
        return Decision("time", summary, time_format="iso")
    if time := _number_time(name, scan, summary, NumberFormat()):
        return time
    if scan.codes:
        return Decision("text", codes=": ".join([next(iter(scan.codes)), next(iter(scan.codes.values()))[0]]))
    return Decision("integer" if summary.whole else "number", summary, NumberFormat())


def _is_rising(summary: ValueSummary) -> bool:
    allowed = max(summary.count * MOST_LATE, 1 if summary.count >= 10 else 0)
    return summary.late <= allowed and summary.maximum > summary.minimum


def _is_set_back(decision: Decision) -> bool:
    """Whether times rise but for clocks that are set back by an hour, as in autumn."""
    summary = decision.summary
    if summary is None or decision.kind != "time":
        return False
    hour = HOUR * per_second(decision.time_format)
    return summary.lateness <= hour and LEAST_LENGTH * summary.lateness < _span(summary)


def _sentinels(summary: ValueSummary, scan: ColumnScan) -> dict[str, int]:
    """The numbers that lie apart from the others and occur several times, as -999 does."""
    if scan.counts is not None and len(scan.counts) <= 10:
        return {}
    low, high = summary.inner
    return {
        f"{value:g}": count
        for value, count in summary.sentinels.items()
        if count >= 2 and (low >= 0 if value < 0 else 2 * high < value)
    }


def _ends(decision: Decision) -> tuple[float | datetime | None, float | datetime | None]:
    summary = decision.summary
    if summary is None or not summary.count:
        return None, None
    if decision.kind != "time":
        return summary.minimum, summary.maximum
    scale = per_second(decision.time_format)
    low, high = (datetime.fromtimestamp(value / scale, UTC) for value in (summary.minimum, summary.maximum))
    return low, high
