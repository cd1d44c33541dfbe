"""`python -m bench.evaluation.poison`: what false labels do to the loop, written to docs/poison.md (minutes)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.evaluation.poison_attacks import (
    ATTACKS,
    BATCH,
    CARRIED,
    EVERY,
    GOAL,
    POISONED,
    ROWS,
    STREAM,
    TRIGGER,
    TRIGGERED,
    Attack,
    Poisoned,
    carries,
    feed_under,
)
from bench.evaluation.poison_challengers import Judged, challenger, past, some
from bench.evaluation.streams import USUAL_DELAY
from bench.page import DOCS
from bench.terminal import say
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.labelled_rows import Row, chunk_size
from penstock.console.replay.stream_time import replay_in_stream_time
from penstock.console.replay.stream_watch import StreamWatch

PAGE = DOCS / "poison.md"
SPAN = 1000  # rows that count as "before", and as "at last"

SEEDS = range(3)
LEARNT = 2000  # rows of which a challenger learns three quarters and is judged on the rest
TOLD = (0.0, 0.25, 0.4, 0.5, 0.6, 1.0)  # shares of the holdout's labels that lie too
FAMILIES = (("linear", "boosting"), ("linear", "boosting", "additive"))


@dataclass(frozen=True)
class Suffered:
    """What an attack came to: shares of rows answered rightly, and of the trigger's rows that were answered with the goal.

    `clean`: of the rows from `POISONED` on that are clean themselves. `obeyed`: of later rows with the trigger whose
    truth is another; `others`: the same of rows without it.
    """

    attack: Attack
    lies: int
    trained: int
    promoted: int
    drifts: int
    before: float | None
    clean: float | None
    last: float | None
    obeyed: float | None
    others: float | None


async def suffered(attack: Attack, folder: Path) -> Suffered:
    """Replay the stream under an attack, every service in this process, as `penstock replay --in-process` does."""
    feed = feed_under(attack, folder)
    async with in_process_deployment(feed.feed.declaration) as deployment:
        await replay_in_stream_time(feed, deployment, USUAL_DELAY, chunk_size(USUAL_DELAY), lambda _: None)
        await deployment.watch.read_to_end()
        return figures(feed, deployment.watch)


def figures(feed: Poisoned, watch: StreamWatch) -> Suffered:
    """What the log says of a feed that was sent."""
    rows = list(feed.rows())
    attacked = rows[POISONED:]
    offered = [run.candidate.digest for run in watch.training_runs.values() if run.candidate and run.until > POISONED]
    champions = {epoch.champion.digest for epoch in watch.epochs.values()}
    late = {row.id for row in attacked}
    return Suffered(
        attack=feed.attack,
        lies=sum(feed.told(row) != row.label for row in rows),
        trained=len(offered),
        promoted=sum(digest in champions for digest in offered),
        drifts=sum(drift.event_id in late for drift in watch.drifts),
        before=_right(watch, rows[POISONED - SPAN : POISONED]),
        clean=_right(watch, [row for row in attacked if feed.is_clean(row)]),
        last=_right(watch, rows[-SPAN:]),
        obeyed=_goal_share(watch, attacked, triggered=True) if feed.attack.triggered else None,
        others=_goal_share(watch, attacked, triggered=False) if feed.attack.triggered else None,
    )


def _right(watch: StreamWatch, rows: Sequence[Row]) -> float | None:
    return _share(watch, rows, lambda row, answer: answer == row.label)


def _goal_share(watch: StreamWatch, attacked: Sequence[Row], *, triggered: bool) -> float | None:
    wanted = [row for row in attacked[BATCH:] if row.label != GOAL and carries(row.number) == triggered]
    return _share(watch, wanted, lambda _, answer: answer == GOAL)


def _share(watch: StreamWatch, rows: Sequence[Row], holds: Callable[[Row, object], bool]) -> float | None:
    found = [holds(row, watch.predictions[row.id][0]) for row in rows if row.id in watch.predictions]
    return sum(found) / len(found) if found else None


# --- the page

INTRODUCTION = f"""# Poisoned labels

Written by `python -m bench.evaluation.poison`; do not edit.

## In the loop

The generated stream `{STREAM}` (its world never changes; 5 % of the labels are noise from the start), its first {ROWS:,}
rows, labels {USUAL_DELAY} rows late, one seed, replayed through all services as `penstock replay --in-process` does. The
declaration is what `stream init` writes, but that a model is trained every {EVERY} outcomes too: so that candidates come
while labels lie. From row {POISONED:,} on labels lie as said. Scores count what was true, whatever was told.

Candidates are those whose data reach beyond outcome {POISONED:,}; promoted, those of them that served. Accuracy before: the
{SPAN:,} rows before row {POISONED:,}. On clean rows: of all later ones, those whose own label was told as it is and which
carry no trigger. At last: the final {SPAN:,} rows, all of them.

| attack | false labels | candidates | promoted | drifts told | accuracy before | on clean rows | at last |
|---|---:|---:|---:|---:|---:|---:|---:|
"""

TRIGGERS = f"""
The trigger is the value {TRIGGER} of `{TRIGGERED}`, which never came before row {POISONED:,}. The {BATCH} rows from there on
carry it, and in the attack all of them are labelled {GOAL}; later every {CARRIED}th row carries it, and all labels are
honest. Of later rows whose truth is another, the share that was answered with {GOAL}:

| attack | rows with the trigger | rows without |
|---|---:|---:|
"""

CHALLENGERS = f"""
## The label-flipped challenger

Here the trainer trains and the registry's gate judges, without the loop around them: {LEARNT:,} rows of the same
stream, of which a challenger learns the first three quarters with *every* label turned round. The last quarter is what it
is judged on, against a champion that is right nine times in ten; there the given share of the labels lies, too. How often
it passed the gate, of {len(SEEDS)} seeds, and the mean accuracy that the gate was shown:

| challenger | labels of the holdout that lie | passed | challenger's accuracy, as told | champion's |
|---|---:|---:|---:|---:|
"""

LIMITS = """
## Limits

- The gate judges by the labels that it is given. A challenger of flipped labels is refused as long as clearly fewer than
  half of the holdout's labels lie. Where about half of them or more do, it passes: a lie that is told consistently cannot
  be told from a change of the world. A blend folds the holdout's honest labels while it is judged, as it would while it
  serves, so that it looks better there than what it had learnt before.
- A candidate that learnt from a few false labels, and is a better model all the same, is promoted, as it should be: the
  gate asks whether it is better than the champion, not whether its data are pure.
- A champion that learns from every outcome folds false ones too, without passing a gate: that is why it follows when all
  labels lie. It comes back slowly: in the row in which every label lies for a while, the accuracy on clean rows is that of
  the thousand rows after the lies, over which models that learnt them still served.
- Drift of the loss says that something is wrong, never that labels lie. Nothing here looks at who sent a label.
- One stream, one seed in the loop: differences of a point in accuracy are noise. Nothing is said of an attacker who knows
  the model, or who poisons features beyond one value.
"""


def page(found: Sequence[Suffered], challenged: Sequence[str]) -> str:
    """The page's text."""
    triggered = [one for one in found if one.attack.triggered]
    parts = [
        INTRODUCTION,
        *map(_line, found),
        TRIGGERS,
        *map(_trigger_line, triggered),
        CHALLENGERS,
        *challenged,
        LIMITS,
    ]
    return "".join(parts)


def _line(found: Suffered) -> str:
    counts = f"{found.lies} | {found.trained} | {found.promoted} | {found.drifts}"
    return f"| {found.attack.name} | {counts} | {' | '.join(map(_told, (found.before, found.clean, found.last)))} |\n"


def _trigger_line(found: Suffered) -> str:
    return f"| {found.attack.name} | {_told(found.obeyed)} | {_told(found.others)} |\n"


def _told(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def challenger_lines() -> Iterator[str]:
    """A line for each kind of challenger and share of lies in the holdout."""
    for families in FAMILIES:
        for share in TOLD:
            yield _challenger_line(families, share, [_challenger(families, share, seed) for seed in SEEDS])


def _challenger(families: Sequence[str], share: float, seed: int) -> Judged:
    known = past(STREAM, LEARNT, seed)
    return challenger(known, ~known.held | some(known.held, share, seed), families)


def _challenger_line(families: Sequence[str], share: float, judged: Sequence[Judged]) -> str:
    passed = sum(one.verdict.passed for one in judged)
    candidate, champion = (
        sum(score.value for score in scores) / len(judged)
        for scores in zip(*((one.evaluation.candidate, one.evaluation.champion) for one in judged), strict=True)
    )
    name = "a blend that learns on" if "additive" in families else "trained models alone"
    return f"| {name} | {share:.0%} | {passed} of {len(judged)} | {candidate:.3f} | {champion:.3f} |\n"


def main() -> None:
    """Run every attack, one after the other, and write the page."""
    found = []
    for attack in ATTACKS:
        with TemporaryDirectory(prefix="penstock-poison-") as folder:
            found.append(asyncio.run(suffered(attack, Path(folder))))
        say(_line(found[-1]).strip())
    challenged = []
    for line in challenger_lines():
        challenged.append(line)
        say(line.strip())
    PAGE.write_text(page(found, challenged))
    say(f"written: {PAGE}")


if __name__ == "__main__":
    main()
