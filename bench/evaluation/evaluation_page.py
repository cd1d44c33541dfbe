"""docs/evaluation.md and its plots, from whatever outcomes there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from bench.evaluation.cells import PRODUCT
from bench.evaluation.generated import ROWS
from bench.evaluation.plots import PLOTS, draw
from bench.evaluation.standing import COLUMNS, OURS, Standing, mean_ranks, recovery, standing
from bench.evaluation.streams import Stream
from bench.evaluation.targets import target
from bench.page import DOCS
from bench.terminal import say

PAGE = DOCS / "evaluation.md"

INTRODUCTION = """# Evaluation

Written by `make evaluate EVALUATE="--data FOLDER"`; do not edit. FOLDER holds the CSV files, which are not part of the
repository. How it is done, and what each reference is, stands in
[bench/evaluation/README.md](../bench/evaluation/README.md).

Penstock is `penstock stream init` and `penstock replay --in-process`, the declaration untouched but for the seed of its
models. Every figure is of answers given before their label was known, the first tenth of the rows left out. Labels come
a number of rows late. A dash: not measured.
"""

SCORES = """## Scores

Accuracy, or where the label is a number the mean absolute error: lower is better there. "calendar" is the best of four
calendars, "lags" gives it, or the forest, the last known labels as features. Penstock: median of the seeds, and range.
"""

EFFORT = """## What it took

Trainings that were begun, seconds of CPU in training (learning online included), and drifts told of: the seed in the
middle. Of a calendar the one with the best score.
"""

RANKS = """## Mean rank

Over the {count} streams that every column has a score for; 1 is the best.
"""

GENERATED = """## Generated streams

12,000 rows each, the change planted at a known row, of a gradual one the middle. The best reference is the best of
static, calendar and adaptive forest. The distance to it is in points of accuracy; of an error, in per cent of it; above 0
Penstock is better. Recovery: rows after the change until Penstock is within a point of the best reference over the 1,000
rows that follow, counted in blocks of 200 rows.
"""

POLICIES = """## Policies

The same streams under another `[retrain]`: `calendar` retrains when the data has grown, and for no drift; `static` never.
"""


def write_page(streams: Sequence[Stream], seeds: Sequence[int], policies: Sequence[str], rows: int | None) -> None:
    """Write the page from what is kept of the streams, and draw the plots where their environment is there."""
    found = [standing(stream, seeds, rows) for stream in streams]
    drawn = draw(found)
    under = {
        policy: [standing(stream, seeds, rows, f"{PRODUCT}-{policy}") for stream in streams] for policy in policies
    }
    PAGE.write_text("\n".join([*_page(found, drawn, seeds, rows), *_policies(found, under), ""]))
    say(f"written: {PAGE}")


def _page(found: Sequence[Standing], drawn: set[str], seeds: Sequence[int], rows: int | None) -> Iterable[str]:
    yield INTRODUCTION
    yield f"Seeds: {', '.join(map(str, seeds))}.{f' Only the first {rows:,} rows of each file.' if rows else ''}\n"
    yield SCORES
    yield from scores_table(found)
    yield f"\n{EFFORT}"
    yield from effort_table(found)
    means, count = mean_ranks(found)
    if means:
        yield f"\n{RANKS.format(count=count)}"
        yield from table([*means], [[f"{means[column]:.2f}" for column in means]])
    generated = [each for each in found if each.stream.generated]
    if generated:
        yield f"\n{GENERATED}"
        yield from generated_table(generated)
    yield from _pictures(found, drawn)


def _pictures(found: Sequence[Standing], drawn: set[str]) -> Iterable[str]:
    shown = [each.stream.key for each in found if each.stream.key in drawn]
    if shown:
        yield "\n## Score over time\n"
        yield "Upright lines: dotted a drift, full a new model of Penstock's, red a planted change.\n"
    yield from (f"![{key}]({PLOTS.name}/{key}.svg)\n" for key in shown)


def scores_table(found: Sequence[Standing]) -> list[str]:
    """A row a stream: every column's score, the seeds' range, and the target."""
    in_time = {each.stream.key: each.scores().get(OURS) for each in found}
    lines = []
    for each in found:
        scores, own = each.scores(), [float(outcome["score"]) for outcome in each.ours]
        wanted = target(each.stream, in_time.get(replace(each.stream, late=0).key))
        spread = f"{written(min(own))} to {written(max(own))}" if own else "-"
        lines.append([*_named(each), *(written(scores.get(c)) for c in (*COLUMNS, OURS)), spread, written(wanted)])
    return table(["stream", "delay", *COLUMNS, f"**{OURS}**", "range", "to reach"], lines)


def effort_table(found: Sequence[Standing]) -> list[str]:
    """A row a stream: trainings and seconds, of Penstock and of the references that train."""
    columns = [column for column in COLUMNS if column not in ("last known", "static")]
    lines = []
    for each in found:
        own = each.middle
        told = ["-"] * 4 if own is None else _effort(own)
        seconds = [f"{each.references[c]['training_seconds']:.0f}" if c in each.references else "-" for c in columns]
        lines.append([*_named(each), *told, *seconds])
    ours = [f"{OURS}: {what}" for what in ("trainings", "models served", "drifts", "s")]
    return table(["stream", "delay", *ours, *(f"{column}: s" for column in columns)], lines)


def _effort(own: object) -> list[str]:
    assert isinstance(own, dict)
    served = sum(1 for epoch in own["epochs"] if epoch["epoch"])
    return [str(own["retrains"]), str(served), str(len(own["drifts"])), f"{own['training_seconds']:.0f}"]


def generated_table(found: Sequence[Standing]) -> list[str]:
    """A row a generated stream: the distance to the best reference, trainings, and recovery after each change."""
    lines = []
    for each in found:
        best, own, planted = each.best_reference(), each.middle, each.stream.planted or ()
        lead = each.lead(best["score"], each.scores()[OURS]) if best and own else None
        recovered = [recovery(each, *span) for span in pairwise((*planted, ROWS))]
        told = ", ".join("never" if rows is None else f"{rows:,}" for rows in recovered)
        lines.append(
            [
                each.stream.name,
                ", ".join(f"{row:,}" for row in planted) or "never",
                written(best["score"] if best else None),
                written(each.scores().get(OURS)),
                "-" if lead is None else f"{100 * lead:+.1f}",
                str(own["retrains"]) if own else "-",
                told if told and own and best else "-",
            ]
        )
    names = ["stream", "changes at", "best reference", OURS, "distance", "trainings", "recovery, rows"]
    return table(names, lines)


def _policies(found: Sequence[Standing], under: dict[str, list[Standing]]) -> Iterable[str]:
    if not under:
        return
    yield f"\n{POLICIES}"
    lines = [
        [*_named(each), *(written(other.scores().get(OURS)) for other in (each, *others))]
        for each, *others in zip(found, *under.values(), strict=True)
    ]
    yield from table(["stream", "delay", "as declared", *under], lines)


def _named(each: Standing) -> tuple[str, str]:
    stream = each.stream
    return stream.name, str(stream.delay) + (f", models {stream.late:,} late" if stream.late else "")


def table(names: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown, figures to the right."""
    rules = ["---", *["---:"] * (len(names) - 1)]
    return [f"| {' | '.join(line)} |" for line in (names, rules, *lines)]


def written(score: float | None) -> str:
    """A score as the table has it.

    >>> written(0.87512), written(267.79), written(1.2345), written(None)
    ('0.875', '268', '1.234', '-')
    """
    if score is None:
        return "-"
    return f"{score:.3f}" if score < 10 else f"{score:.0f}"
