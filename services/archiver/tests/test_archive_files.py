"""Which files are read, merged and deleted, by their names alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.archiver.archive_files import LARGEST, ArchiveFile, archive_files, covering, expired, merged, to_merge

CUTS = st.lists(st.integers(1, 1000), min_size=1, max_size=30)


def adjacent(spans: list[int]) -> list[ArchiveFile]:
    files, start = [], 0
    for span in spans:
        files.append(ArchiveFile(start, start + span, start))
        start += span
    return files


@given(CUTS, st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29))))
def test_what_covers_has_every_offset_once_though_merged_files_lie_beside_their_parts(
    spans: list[int], merges: list[tuple[int, int]]
) -> None:
    files, current = set(adjacent(spans)), adjacent(spans)
    for first, last in merges:
        if first < last < len(current):
            current[first : last + 1] = [merged(current[first : last + 1])]
            files |= set(current)
    chosen = covering(files)
    assert [file.start for file in chosen] == [0, *(file.stop for file in chosen[:-1])]
    assert chosen[-1].stop == sum(spans)
    assert chosen == current, "the widest are chosen"


@given(CUTS)
def test_names_sort_by_range_and_say_what_the_file_is(spans: list[int]) -> None:
    files = adjacent(spans)
    assert archive_files(sorted(file.name for file in reversed(files))) == files
    assert sorted(file.name for file in files) == [file.name for file in files]
    assert archive_files(["notes.txt", "0-1-2.parquet"]) == []


@given(st.lists(st.integers(1, LARGEST * 2), max_size=60))
def test_merging_ends_and_makes_no_file_too_large(sizes: list[int]) -> None:
    files = adjacent([1] * len(sizes))
    of = dict(zip(files, sizes, strict=True))
    while parts := to_merge(files, [of[file] for file in files]):
        at = files.index(parts[0])
        assert list(parts) == files[at : at + len(parts)], "they are adjacent"
        whole = merged(parts)
        of[whole] = sum(of[part] for part in parts)
        assert of[whole] <= LARGEST
        files[at : at + len(parts)] = [whole]
    assert files[-1:] == [] or files[-1].stop == len(sizes)


def test_small_files_are_merged_behind_large_ones_that_are_left_alone() -> None:
    large, small = [LARGEST - 1] * 20, [LARGEST // 20] * 16
    files = adjacent([1] * 36)
    assert to_merge(files, large + small) == files[20:]
    assert not to_merge(files[:35], large + small[:15])


@given(CUTS, st.integers(0, 100))
def test_the_last_file_never_expires(spans: list[int], days: int) -> None:
    files = adjacent(spans)
    assert files[-1] not in expired(files, 10**13, days)
    assert len(expired(files, 10**13, days)) == (len(files) - 1 if days else 0)
