"""docs/evaluation.md and its plots, from all results that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from bench.evaluation.cells import PENSTOCK, CellResult
from bench.evaluation.comparison import COLUMNS, OURS, StreamComparison, compare_stream, mean_ranks, recovery
from bench.evaluation.score_plots import PLOTS, draw_plots
from bench.evaluation.streams import Stream
from bench.evaluation.synthetic_streams import ROWS
from bench.evaluation.targets import target_score
from bench.report.benchmarks_page import DOCS
from bench.report.terminal import print_line

PAGE = DOCS / "evaluation.md"

INTRODUCTION = """# Evaluation

Written by `make evaluate EVALUATE="--data FOLDER"`; do not edit. FOLDER holds the CSV files, which are not part of the
repository. The method, and what each reference is, are described in
[bench/evaluation/README.md](../bench/evaluation/README.md).

Penstock is `penstock stream init` and `penstock replay --in-process`, the declaration unchanged except for the seed of
its models. Every figure is of answers given before their label was known, the first tenth of the rows left out. Labels
come a number of rows late. A dash: not measured.
"""

SCORES = """## Scores

Accuracy, or where the label is a number the mean absolute error, of which lower is better. "calendar" is the best of
four calendars; "lags" adds the last known labels as features to it or to the forest. Penstock: median of the seeds, and
range.
"""

EFFORT = """## Effort

Trainings that were started, CPU seconds of training (online learning included), and drifts that were detected: of the
seed with the median score. Of the calendars: the one with the best score.
"""

RANKS = """## Mean rank

Over the {count} streams that every column has a score for; 1 is the best.
"""

SYNTHETIC = """## Generated streams

12,000 rows each, with a change at a known row (of a gradual change: its middle). The best reference is the best of
static, calendar and adaptive forest. The distance to it is in points of accuracy, or in per cent of the error; above 0
Penstock is better. Recovery: rows after the change until Penstock is within a point of the best reference over the
following 1,000 rows, counted in blocks of 200 rows.
"""

POLICIES = """## Policies

The same streams with other values of `[retrain]`: `calendar` retrains when the data has grown, and for no drift;
`static` never retrains.
"""

Table = list[str]
"""The lines of a table in Markdown."""


def write_page(streams: Sequence[Stream], seeds: Sequence[int], policies: Sequence[str], rows: int | None) -> None:
    """Write the page from the stored results of the streams, and draw the plots if their environment is installed."""
    comparisons = [compare_stream(stream, seeds, rows) for stream in streams]
    plot_keys = draw_plots(comparisons)
    by_policy = {
        policy: [compare_stream(stream, seeds, rows, f"{PENSTOCK}-{policy}") for stream in streams]
        for policy in policies
    }
    lines = [*_page(comparisons, plot_keys, seeds, rows), *_policies_section(comparisons, by_policy), ""]
    PAGE.write_text("\n".join(lines))
    print_line(f"written: {PAGE}")


def _page(
    comparisons: Sequence[StreamComparison], plot_keys: set[str], seeds: Sequence[int], rows: int | None
) -> Iterable[str]:
    yield INTRODUCTION
    yield f"Seeds: {', '.join(map(str, seeds))}.{f' Only the first {rows:,} rows of each file.' if rows else ''}\n"
    yield SCORES
    yield from scores_table(comparisons)
    yield f"\n{EFFORT}"
    yield from effort_table(comparisons)
    means, count = mean_ranks(comparisons)
    if means:
        yield f"\n{RANKS.format(count=count)}"
        yield from table([*means], [[f"{means[column]:.2f}" for column in means]])
    synthetic = [comparison for comparison in comparisons if comparison.stream.is_synthetic]
    if synthetic:
        yield f"\n{SYNTHETIC}"
        yield from synthetic_table(synthetic)
    yield from _plots_section(comparisons, plot_keys)


def _plots_section(comparisons: Sequence[StreamComparison], plot_keys: set[str]) -> Iterable[str]:
    keys = [comparison.stream.key for comparison in comparisons if comparison.stream.key in plot_keys]
    if keys:
        yield "\n## Score over time\n"
        yield "Vertical lines: dotted for a drift, solid for a new model of Penstock, red for a change of the stream.\n"
    yield from (f"![{key}]({PLOTS.name}/{key}.svg)\n" for key in keys)


def scores_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: every column's score, the range over the seeds, and the target."""
    our_scores = {comparison.stream.key: comparison.scores().get(OURS) for comparison in comparisons}
    rows = []
    for comparison in comparisons:
        stream, scores = comparison.stream, comparison.scores()
        seed_scores = [float(result["score"]) for result in comparison.ours]
        target = target_score(stream, our_scores.get(replace(stream, training_delay=0).key))
        score_range = f"{format_score(min(seed_scores))} to {format_score(max(seed_scores))}" if seed_scores else "-"
        cells = [format_score(scores.get(column)) for column in (*COLUMNS, OURS)]
        rows.append([*_stream_cells(stream), *cells, score_range, format_score(target)])
    return table(["stream", "delay", *COLUMNS, f"**{OURS}**", "range", "to reach"], rows)


def effort_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: trainings and seconds, of Penstock and of the references that train."""
    columns = [column for column in COLUMNS if column not in ("last known", "static")]
    rows = []
    for comparison in comparisons:
        ours = comparison.median_seed
        effort = ["-"] * 4 if ours is None else _effort_cells(ours)
        seconds = [
            f"{comparison.references[column]['training_seconds']:.0f}" if column in comparison.references else "-"
            for column in columns
        ]
        rows.append([*_stream_cells(comparison.stream), *effort, *seconds])
    our_columns = [f"{OURS}: {figure}" for figure in ("trainings", "models served", "drifts", "s")]
    return table(["stream", "delay", *our_columns, *(f"{column}: s" for column in columns)], rows)


def _effort_cells(result: CellResult) -> list[str]:
    models_served = sum(1 for epoch in result["epochs"] if epoch["epoch"])
    seconds = f"{result['training_seconds']:.0f}"
    return [str(result["retrains"]), str(models_served), str(len(result["drifts"])), seconds]


def synthetic_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each synthetic stream: the distance to the best reference, trainings, recovery after each change."""
    names = ["stream", "changes at", "best reference", OURS, "distance", "trainings", "recovery, rows"]
    return table(names, [_synthetic_row(comparison) for comparison in comparisons])


def _synthetic_row(comparison: StreamComparison) -> list[str]:
    best, ours = comparison.best_reference(), comparison.median_seed
    changes, our_score = comparison.stream.change_rows or (), comparison.scores().get(OURS)
    advantage = comparison.advantage(best["score"], our_score) if best and our_score is not None else None
    recoveries = [recovery(comparison, *span) for span in pairwise((*changes, ROWS))]
    recovery_cell = ", ".join("never" if rows is None else f"{rows:,}" for rows in recoveries)
    return [
        comparison.stream.name,
        ", ".join(f"{row:,}" for row in changes) or "never",
        format_score(best["score"] if best else None),
        format_score(our_score),
        "-" if advantage is None else f"{100 * advantage:+.1f}",
        str(ours["retrains"]) if ours else "-",
        recovery_cell if recovery_cell and ours and best else "-",
    ]


def _policies_section(
    comparisons: Sequence[StreamComparison], by_policy: Mapping[str, Sequence[StreamComparison]]
) -> Iterable[str]:
    if not by_policy:
        return
    yield f"\n{POLICIES}"
    rows = [
        [*_stream_cells(declared.stream), *(format_score(other.scores().get(OURS)) for other in (declared, *others))]
        for declared, *others in zip(comparisons, *by_policy.values(), strict=True)
    ]
    yield from table(["stream", "delay", "as declared", *by_policy], rows)


def _stream_cells(stream: Stream) -> tuple[str, str]:
    models = f", models {stream.training_delay:,} late" if stream.training_delay else ""
    return stream.name, f"{stream.label_delay}{models}"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table in Markdown, figures aligned to the right."""
    alignments = ["---", *["---:"] * (len(names) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (names, alignments, *rows)]


def format_score(score: float | None) -> str:
    """A score as the tables show it.

    >>> format_score(0.87512), format_score(267.79), format_score(1.2345), format_score(None)
    ('0.875', '268', '1.234', '-')
    """
    if score is None:
        return "-"
    return f"{score:.3f}" if score < 10 else f"{score:.0f}"
