"""The picture of the house, docs/house.svg: folders and the arrows between them, drawn from the imports.

`python -m tests.architecture.house` draws it, `make docs` calls that, and a test holds it current.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

import grimp

PICTURE = Path(__file__).parents[2] / "docs" / "house.svg"

LAYERS = (
    ("console",),
    ("ingestion", "validator", "server", "drift_detector"),
    ("retrain_trigger", "trainer", "registry"),
    ("runtime",),
    ("bus",),
    ("artifacts", "telemetry"),
    ("contracts", "ml"),
)
"""Distributions from top to bottom; imports go down only. The seven services take two rows for want of width."""

WIDTH, MARGIN, GAP = 1180, 20, 24
CHIP_HEIGHT, CHIP_GAP, ROW_GAP, LETTER = 24, 12, 26, 7.2
TITLE_HEIGHT, PADDING = 30, 14

Arrows = Mapping[str, frozenset[str]]
"""For each folder the folders that it imports."""


@dataclass(frozen=True)
class Chip:
    """A folder in the picture, by its left upper corner."""

    name: str
    x: float
    y: float
    width: float


def folder_arrows(graph: grimp.ImportGraph, package: str) -> Arrows:
    """The folders of a distribution, and which of its other folders each imports."""
    folders = {child for child in graph.find_children(package) if graph.find_children(child)}
    owner = {module: folder for folder in folders for module in {folder, *graph.find_descendants(folder)}}
    imports: dict[str, set[str]] = {folder: set() for folder in folders}
    for module, folder in owner.items():
        imports[folder] |= {owner[other] for other in graph.find_modules_directly_imported_by(module) if other in owner}
    return {_last(folder): frozenset(_last(other) for other in others - {folder}) for folder, others in imports.items()}


def levels(arrows: Arrows) -> list[list[str]]:
    """The folders in rows, each above all that it imports.

    Raises:
        graphlib.CycleError: two folders import each other, directly or through others.
    """
    depth: dict[str, int] = {}
    for folder in TopologicalSorter(arrows).static_order():
        depth[folder] = 1 + max((depth[other] for other in arrows[folder]), default=-1)
    rows = [
        sorted(name for name in depth if depth[name] == level) for level in range(max(depth.values(), default=-1) + 1)
    ]
    return rows[::-1]


def draw() -> str:
    """The whole picture as SVG."""
    graph = grimp.build_graph("penstock", exclude_type_checking_imports=True)
    parts: list[str] = []
    y = float(MARGIN)
    for layer in LAYERS:
        cards = [(name, folder_arrows(graph, f"penstock.{name}")) for name in layer]
        height = max(_card_height(arrows) for _, arrows in cards)
        width = (WIDTH - 2 * MARGIN - GAP * (len(cards) - 1)) / len(cards)
        for index, (name, arrows) in enumerate(cards):
            parts += _card(name, arrows, MARGIN + index * (width + GAP), y, width, height)
        y += height + GAP
    return "\n".join([_head(y), *parts, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw())


def _card(name: str, arrows: Arrows, x: float, y: float, width: float, height: float) -> Iterator[str]:
    yield f'<rect class="card" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8"/>'
    yield f'<text class="title" x="{x + PADDING:.0f}" y="{y + 20:.0f}">{escape(name.replace("_", "-"))}</text>'
    chips = {chip.name: chip for chip in _chips(levels(arrows), x, y + TITLE_HEIGHT, width)}
    for folder in sorted(arrows):
        yield from (_arrow(chips[folder], chips[other]) for other in sorted(arrows[folder]))
    for chip in chips.values():
        yield (
            f'<rect class="chip" x="{chip.x:.0f}" y="{chip.y:.0f}" width="{chip.width:.0f}" '
            f'height="{CHIP_HEIGHT}" rx="5"/>'
        )
        yield f'<text x="{chip.x + chip.width / 2:.0f}" y="{chip.y + 16:.0f}">{escape(chip.name)}</text>'


def _chips(rows: Sequence[Sequence[str]], x: float, y: float, width: float) -> Iterator[Chip]:
    for number, row in enumerate(rows):
        widths = [LETTER * len(name) + 16 for name in row]
        left = x + (width - sum(widths) - CHIP_GAP * (len(row) - 1)) / 2
        for name, chip_width in zip(row, widths, strict=True):
            yield Chip(name, left, y + number * (CHIP_HEIGHT + ROW_GAP), chip_width)
            left += chip_width + CHIP_GAP


def _arrow(start: Chip, end: Chip) -> str:
    return (
        f'<line x1="{start.x + start.width / 2:.0f}" y1="{start.y + CHIP_HEIGHT:.0f}" '
        f'x2="{end.x + end.width / 2:.0f}" y2="{end.y:.0f}" marker-end="url(#head)"/>'
    )


def _card_height(arrows: Arrows) -> float:
    rows = len(levels(arrows))
    return TITLE_HEIGHT + rows * CHIP_HEIGHT + max(rows - 1, 0) * ROW_GAP + (PADDING if rows else 4)


def _head(height: float) -> str:
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif">
<title>The distributions of Penstock, their folders, and which folder imports which; imports go down only</title>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">
<path d="M0 0 L8 4 L0 8 z" fill="#7a8699"/></marker></defs>
<style>
.card {{ fill: #f7f8fa; stroke: #b9c1cc }} .chip {{ fill: #fff; stroke: #5b6b82 }}
line {{ stroke: #7a8699; stroke-width: 1.2 }} text {{ font-size: 12px; text-anchor: middle; fill: #1d2733 }}
.title {{ font-size: 13px; font-weight: bold; text-anchor: start }}
</style>
<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>"""


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def distributions(graph: grimp.ImportGraph) -> Iterable[str]:
    """The names of all distributions that are installed."""
    return sorted(_last(child) for child in graph.find_children("penstock"))


if __name__ == "__main__":
    main()
