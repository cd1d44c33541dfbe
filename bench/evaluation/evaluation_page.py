"""docs/evaluation.md and its plots, from all results that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from bench.evaluation.cells import PENSTOCK, CellResult
from bench.evaluation.comparison import COLUMNS, OURS, RETRAINED, StreamComparison, compare_stream, recovery
from bench.evaluation.paired_intervals import mean_ranks
from bench.evaluation.score_plots import PLOTS, draw_plots
from bench.evaluation.streams import Stream
from bench.evaluation.synthetic_columns import ROWS
from bench.evaluation.targets import target_score
from bench.report.benchmarks_page import DOCS
from bench.report.terminal import print_line

PAGE = DOCS / "evaluation.md"

INTRODUCTION = """# Evaluation

Written by `make evaluate EVALUATE="--data FOLDER"`; do not edit. FOLDER holds the CSV files, which are not part of the
repository. The method, and what each reference is, are described in
[bench/evaluation/README.md](../bench/evaluation/README.md).

Penstock is `penstock stream init FILE` and `penstock replay FILE --stream FILE.toml --in-process --label-delay DELAY`,
the declaration unchanged except for the seed of its models. Every figure is of answers given before their label was
known, the first tenth of the rows left out. Labels come a number of rows late. A dash: not measured. A degree sign
(°): measured with an earlier version of Penstock's code than the rest.
"""

OBJECTIVES = """## By the objective

What `stream init` declares: log loss, average precision where one of two classes is rare (more is better), or the mean
absolute error. "calendar" is the best of four calendars, chosen afterwards, "lags" adds the last known labels as
features to it or to the forest. Penstock: median of the seeds, and range. Rank: among the five named below; those whose
paired 95 % interval with Penstock's holds 0 (bootstrap over blocks of rows) count as equal, with the better rank.
"""

SCORES = """## By accuracy or mean absolute error

The same answers. To reach: the target of a stream that has one.
"""

EFFORT = """## Effort

Of Penstock, the seed with the median score: trainings that were started, models served, drifts detected, rows that
trainings learnt from, and CPU seconds of training, online learning included. Of references the CPU seconds; "19 times"
is the calendar with 19 trainings on all labels, the rows it learnt from first. Seconds are of the machine that each
result was computed on; those of references are stored with them.
"""

RANKS = """## Mean rank

By the objective, over the {count} rows above that all of them have a score for; 1 is the best. Penstock against static,
the best of all eight calendars, the linear calendar, the tree, and the better forest.
"""

RETRAINING = """## When to retrain

Histogram boosting on all known labels, without lags, differs here only in when it is trained: the mean log loss or mean
absolute error, and in brackets the trainings. Cara decides by the loss of the newest batch, Regol by a forecast of the
losses to come, at the same price of a training; the oracle knows every later loss, and chooses as many trainings as
Cara, or 19, at the best of 46 rows.
"""

SYNTHETIC = """## Generated streams

12,000 rows each; changes are at known rows (of a gradual change: its middle). The distance to the best reference of the
five is in points of accuracy, or in per cent of the error; above 0 Penstock is better. Recovery: rows after the change
until Penstock is within a point of that reference over the following 1,000 rows, counted in blocks of 200 rows.
"""

POLICIES = """## Policies

The same streams with other values of `[retrain]`: `calendar` retrains when the data has grown, and for no drift;
`static` never retrains. By accuracy or mean absolute error.
"""

METRIC_NAMES = {"log_loss": "log loss", "average_precision": "average precision", "mae": "absolute error"} | {
    name: name for name in ("accuracy", "rmse")
}

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
    yield OBJECTIVES
    yield from objective_table(comparisons)
    ranks = [found for comparison in comparisons if (found := comparison.ranks())]
    if ranks:
        means = mean_ranks(ranks)
        yield f"\n{RANKS.format(count=len(ranks))}"
        yield from table([*means], [[f"{means[column]:.2f}" for column in means]])
    yield f"\n{SCORES}"
    yield from scores_table(comparisons)
    yield f"\n{RETRAINING}"
    yield from retraining_table(comparisons)
    yield f"\n{EFFORT}"
    yield from effort_table(comparisons)
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


def objective_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: every column's score by the objective, the range over the seeds, and the rank."""
    rows = []
    for comparison in comparisons:
        scores, ranks = comparison.scores(comparison.metric), comparison.ranks()
        rows.append(
            [
                *_stream_cells(comparison.stream),
                METRIC_NAMES[comparison.metric],
                *(format_score(scores.get(column)) for column in COLUMNS),
                _our_cell(comparison, comparison.metric),
                _range_cell(comparison, comparison.metric),
                str(ranks[OURS]) if ranks else "-",
            ]
        )
    return table(["stream", "delay", "objective", *COLUMNS, f"**{OURS}**", "range", "rank"], rows)


def scores_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: every column's accuracy or error, the range over the seeds, and the target."""
    plain = {comparison.stream.key: comparison.scores(comparison.plain_metric) for comparison in comparisons}
    rows = []
    for comparison in comparisons:
        stream, scores = comparison.stream, plain[comparison.stream.key]
        target = target_score(stream, plain.get(replace(stream, training_delay=0).key, {}).get(OURS))
        cells = [format_score(scores.get(column)) for column in COLUMNS]
        cells.append(_our_cell(comparison, comparison.plain_metric))
        rows.append(
            [*_stream_cells(stream), *cells, _range_cell(comparison, comparison.plain_metric), format_score(target)]
        )
    return table(["stream", "delay", *COLUMNS, f"**{OURS}**", "range", "to reach"], rows)


def _our_cell(comparison: StreamComparison, metric: str) -> str:
    score = format_score(comparison.scores(metric).get(OURS))
    return score if comparison.is_current else f"{score}°"


def _range_cell(comparison: StreamComparison, metric: str) -> str:
    scores = [float(result["metrics"][metric]) for result in comparison.ours]
    return f"{format_score(min(scores))} to {format_score(max(scores))}" if scores else "-"


def retraining_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: the loss of the same learner trained at different times, and the oracle's."""
    return table(
        ["stream", "delay", "static", "19 times", "46 times", "Cara", "Regol", "oracle as Cara", "oracle, 19", OURS],
        [[*_stream_cells(comparison.stream), *_retraining_cells(comparison)] for comparison in comparisons],
    )


def _retraining_cells(comparison: StreamComparison) -> Iterable[str]:
    metric, retrained, ours = comparison.loss_metric, comparison.retrained, comparison.median_seed
    for name in RETRAINED[:-1]:
        yield _loss_cell(retrained.get(name), metric)
    oracle, cara = retrained.get("oracle"), retrained.get("cara")
    curve = oracle["loss_by_trainings"] if oracle else []
    if cara and curve:
        trainings = max(1, min(len(curve), cara["retrains"]))
        yield f"{format_score(curve[trainings - 1])} ({trainings})"
    else:
        yield "-"
    yield _loss_cell(oracle, metric)
    yield _loss_cell(ours, metric)


def _loss_cell(result: CellResult | None, metric: str) -> str:
    return "-" if result is None else f"{format_score(result['metrics'][metric])} ({result['retrains']})"


def effort_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each stream: trainings, rows and seconds, of Penstock and of the references that train."""
    columns = [column for column in COLUMNS if column not in ("last known", "static")]
    rows = []
    for comparison in comparisons:
        ours, regular = comparison.median_seed, comparison.retrained.get("calendar-19-all")
        seconds = [
            f"{comparison.references[column]['training_seconds']:.0f}" if column in comparison.references else "-"
            for column in columns
        ]
        of_regular = [f"{regular['trained_rows']:,}", f"{regular['training_seconds']:.0f}"] if regular else ["-"] * 2
        effort = ["-"] * 5 if ours is None else _effort_cells(ours)
        rows.append([*_stream_cells(comparison.stream), *effort, *of_regular, *seconds])
    our_columns = [f"{OURS}: {figure}" for figure in ("trainings", "models served", "drifts", "rows", "s")]
    names = ["stream", "delay", *our_columns, "19 times: rows", "19 times: s", *(f"{column}: s" for column in columns)]
    return table(names, rows)


def _effort_cells(result: CellResult) -> list[str]:
    return [
        str(result["retrains"]),
        str(len(result["models"])),
        str(len(result["drifts"])),
        f"{result['trained_rows']:,}",
        f"{result['training_seconds']:.0f}",
    ]


def synthetic_table(comparisons: Sequence[StreamComparison]) -> Table:
    """A row for each synthetic stream: the distance to the best reference, trainings, recovery after each change."""
    names = ["stream", "changes at", "best reference", OURS, "distance", "trainings", "recovery, rows"]
    return table(names, [_synthetic_row(comparison) for comparison in comparisons])


def _synthetic_row(comparison: StreamComparison) -> list[str]:
    rival, ours, metric = comparison.best_rival(), comparison.median_seed, comparison.plain_metric
    changes = comparison.stream.change_rows or ()
    rival_score, our_score = (result["metrics"][metric] if result else None for result in (rival, ours))
    advantage = None if rival_score is None or our_score is None else comparison.advantage(rival_score, our_score)
    recoveries = [recovery(comparison, *span) for span in pairwise((*changes, ROWS))]
    recovery_cell = ", ".join("never" if rows is None else f"{rows:,}" for rows in recoveries)
    return [
        comparison.stream.name,
        ", ".join(f"{row:,}" for row in changes) or "never",
        format_score(rival_score),
        format_score(our_score),
        "-" if advantage is None else f"{100 * advantage:+.1f}",
        str(ours["retrains"]) if ours else "-",
        recovery_cell if recovery_cell and ours and rival else "-",
    ]


def _policies_section(
    comparisons: Sequence[StreamComparison], by_policy: Mapping[str, Sequence[StreamComparison]]
) -> Iterable[str]:
    if not by_policy:
        return
    yield f"\n{POLICIES}"
    rows = [
        [
            *_stream_cells(declared.stream),
            *(format_score(other.scores(other.plain_metric).get(OURS)) for other in (declared, *others)),
        ]
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
