"""The picture of the house, docs/house.svg: folders and the arrows between them, drawn from the imports.

`python -m tests.architecture.house` draws it, `make docs` calls that, and a test holds it current.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path
from textwrap import wrap

import grimp

PICTURE = Path(__file__).parents[2] / "docs" / "house.svg"

LAYERS = (
    ("console",),
    ("ingestion", "validator", "server", "drift_detector"),
    ("retrain_trigger", "trainer", "registry", "notifier", "archiver"),
    ("runtime",),
    ("bus",),
    ("artifacts", "telemetry"),
    ("contracts", "ml", "client"),
)
"""Distributions from top to bottom; imports go down only. The services take two rows for want of width."""

WIDTH, MARGIN, GAP = 1180, 20, 24
CHIP_HEIGHT, CHIP_GAP, ROW_GAP, LETTER = 24, 40, 22, 7.2
TITLE_HEIGHT, PADDING, LINE_HEIGHT, SMALL_LETTER = 30, 14, 14, 5.3

Arrows = Mapping[str, frozenset[str]]
"""For each folder the folders that it imports."""


@dataclass(frozen=True)
class Chip:
    """A folder in the picture, by its left upper corner."""

    name: str
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Card:
    """A distribution in the picture: its folders in rows, and the lines that name its other modules."""

    name: str
    arrows: Arrows
    rows: Sequence[Sequence[str]]
    lines: Sequence[str]
    width: float

    @classmethod
    def of(cls, graph: grimp.ImportGraph, name: str, width: float) -> Card:
        """The card of a distribution, so wide."""
        package = f"penstock.{name}"
        arrows = folder_arrows(graph, package)
        text = "  ".join(flat_modules(graph, package))
        lines = wrap(text, int((width - 2 * PADDING) / SMALL_LETTER), break_on_hyphens=False)
        return cls(name, direct(arrows), levels(arrows), lines, width)

    @property
    def height(self) -> float:
        """What it takes to show everything."""
        folders = len(self.rows) * (CHIP_HEIGHT + ROW_GAP)
        return TITLE_HEIGHT + folders + len(self.lines) * LINE_HEIGHT + PADDING / 2

    def draw(self, x: float, y: float, height: float) -> Iterator[str]:
        """Its elements, with the left upper corner at x, y."""
        yield f'<rect class="card" x="{x:.0f}" y="{y:.0f}" width="{self.width:.0f}" height="{height:.0f}" rx="8"/>'
        title = escape(self.name.replace("_", "-"))
        yield f'<text class="title" x="{x + PADDING:.0f}" y="{y + 20:.0f}">{title}</text>'
        chips = {chip.name: chip for chip in _chips(self.rows, x, y + TITLE_HEIGHT, self.width)}
        for folder in sorted(self.arrows):
            yield from (_arrow(chips[folder], chips[other]) for other in sorted(self.arrows[folder]))
        for chip in chips.values():
            yield (
                f'<rect class="chip" x="{chip.x:.0f}" y="{chip.y:.0f}" width="{chip.width:.0f}" '
                f'height="{CHIP_HEIGHT}" rx="5"/>'
            )
            yield f'<text x="{chip.x + chip.width / 2:.0f}" y="{chip.y + 16:.0f}">{escape(chip.name)}</text>'
        top = y + height - len(self.lines) * LINE_HEIGHT + 2
        for number, line in enumerate(self.lines):
            yield f'<text class="flat" x="{x + PADDING:.0f}" y="{top + number * LINE_HEIGHT:.0f}">{escape(line)}</text>'


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


def direct(arrows: Arrows) -> Arrows:
    """The arrows that do not follow from others: of a → b → c and a → c, the last is left out."""
    reach: dict[str, frozenset[str]] = {}
    for folder in TopologicalSorter(arrows).static_order():
        reach[folder] = arrows[folder].union(*(reach[other] for other in arrows[folder]))
    return {
        folder: others - frozenset[str]().union(*(reach[other] for other in others))
        for folder, others in arrows.items()
    }


def flat_modules(graph: grimp.ImportGraph, package: str) -> list[str]:
    """The modules of a distribution that lie in none of its folders."""
    return sorted(_last(child) for child in graph.find_children(package) if not graph.find_children(child))


def draw() -> str:
    """The whole picture as SVG."""
    graph = grimp.build_graph("penstock", exclude_type_checking_imports=True)
    parts: list[str] = []
    y = float(MARGIN)
    for layer in LAYERS:
        width = (WIDTH - 2 * MARGIN - GAP * (len(layer) - 1)) / len(layer)
        cards = [Card.of(graph, name, width) for name in layer]
        height = max(card.height for card in cards)
        for index, card in enumerate(cards):
            parts += card.draw(MARGIN + index * (width + GAP), y, height)
        y += height + GAP
    return "\n".join([_head(y), *parts, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw())


def _chips(rows: Sequence[Sequence[str]], x: float, y: float, width: float) -> Iterator[Chip]:
    for number, row in enumerate(rows):
        widths = [LETTER * len(name) + 16 for name in row]
        gap = min(CHIP_GAP, (width - 2 * PADDING - sum(widths)) / max(len(row) - 1, 1))
        left = x + (width - sum(widths) - gap * (len(row) - 1)) / 2
        for name, chip_width in zip(row, widths, strict=True):
            yield Chip(name, left, y + number * (CHIP_HEIGHT + ROW_GAP), chip_width)
            left += chip_width + gap


def _arrow(start: Chip, end: Chip) -> str:
    return (
        f'<line x1="{start.x + start.width / 2:.0f}" y1="{start.y + CHIP_HEIGHT:.0f}" '
        f'x2="{end.x + end.width / 2:.0f}" y2="{end.y:.0f}" marker-end="url(#head)"/>'
    )


def _head(height: float) -> str:
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif">
<title>The distributions of Penstock, their folders, and which folder imports which; imports go down only</title>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">
<path d="M0 0 L8 4 L0 8 z" fill="#7a8699"/></marker></defs>
<style>
.card {{ fill: #f7f8fa; stroke: #b9c1cc }} .chip {{ fill: #fff; stroke: #5b6b82 }}
line {{ stroke: #7a8699; stroke-width: 1.2 }} text {{ font-size: 12px; text-anchor: middle; fill: #1d2733 }}
.title {{ font-size: 13px; font-weight: bold; text-anchor: start }}
.flat {{ font-size: 10px; text-anchor: start; fill: #5b6b82 }}
</style>
<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>"""


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def distributions() -> set[str]:
    """The names of all distributions."""
    return {_last(child) for child in grimp.build_graph("penstock").find_children("penstock")}


if __name__ == "__main__":
    main()
