"""The matrix of cases is whole, and a run that is cut short has tried something of every row."""

from __future__ import annotations

from tests.faults.life import POINTS
from tests.faults.live.all_cases import CASES, TOGETHER, companies
from tests.faults.live.case import Case, Result
from tests.faults.live.page import live_section


def _row(name: str) -> list[Case]:
    return [case for case in CASES if case.row.startswith(name)]


def _result(case: Case) -> Result:
    return Result(row=case.row, name=case.name, layer=case.layer, hurt=case.hurt)


def test_each_case_has_its_own_name_and_each_point_a_kill_and_a_stop() -> None:
    assert len({case.key for case in CASES}) == len(CASES)
    points = {f"{service}, {point}" for service, each in POINTS.items() for point in each}
    assert {case.name for case in _row("SIGKILL")} == {case.name for case in _row("SIGSTOP for")} == points


def test_every_row_is_begun_before_any_is_half_done() -> None:
    on_one_disk = [case for case in CASES if not case.on_small_disks]
    rows = list(dict.fromkeys(case.row for case in on_one_disk))
    assert {case.row for case in on_one_disk[: len(rows)]} == set(rows)


def test_every_case_is_tried_once_and_those_that_share_a_deployment_hurt_different_services() -> None:
    found = companies(CASES)
    assert sorted(case.key for company in found for case in company) == sorted(case.key for case in CASES)
    shared = [company for company in found if len(company) > 1]
    assert shared
    for company in shared:
        assert len({case.hurt for case in company}) == len(company) <= TOGETHER
        assert not any(case.is_alone for case in company)
        assert len({case.on_small_disks for case in company}) == 1


def test_the_page_counts_what_was_run_and_names_what_failed() -> None:
    held, failed = map(_result, _row("SIGKILL")[:2])
    failed.violations = {"I8": ["validator is 3 behind"]}
    held.recovery_s, held.limit_s = 7.0, 5.0
    page = live_section(CASES, [held, failed], of_this_product=1)
    assert "1 of these results are of the product as it was when this was written, 1 of the code before its" in page
    assert f"| SIGKILL at a named point | real processes | {len(_row('SIGKILL'))} | 2 | 1 | I8 (1) |" in page
    assert f"- {failed.row}, {failed.name}: `{{'I8': ['validator is 3 behind']}}`" in page
    assert f"| {held.row} | {held.hurt} | 1 | 7.0 | 7.0 | 5 | 1 |" in page
