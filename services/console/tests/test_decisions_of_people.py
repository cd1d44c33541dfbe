"""`penstock proposals`, `penstock rollback`, and what `penstock status` says waits for a person."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.contracts.records.streams import Pause
from penstock.contracts.records.training import Score
from penstock.registry.command_results import CommandResult, Status
from penstock.registry.proposal import Hold, ProposalEvidence
from penstock.registry.web.proposal_view import ProposalView

from .command_process import penstock
from .conftest import ANSWERS, FakeDeployment

REGISTRY = ANSWERS.replace(
    "    def do_GET(self):\n        self.send_response(200); self.end_headers()",
    """
    def answer(self, status, document):
        self.send_response(status); self.end_headers(); self.wfile.write(document.encode())
    def do_GET(self):
        self.answer(200, VIEWS.get(self.path, "{}"))
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        print("POST", self.path, self.headers["x-penstock-actor"], body, file=sys.stderr, flush=True)
        self.answer(*RESULT)
""",
)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SCORE = Score(value=0.1, low=0.05, high=0.15, rows=200)


def proposal(**changes: Any) -> dict[str, Any]:
    """A proposal as the registry shows it."""
    scores = dict.fromkeys(("candidate", "champion", "gain"), SCORE) | {"baseline": Score(value=0.65, rows=200)}
    evidence = ProposalEvidence(source="run-3", run="request-3", reasons=("accuracy 0.8 against 0.7",), scores=scores)
    view = ProposalView(
        proposal=7, stream="loans", state="waiting", action="promote", version=3, champion=1, epoch=4,
        waits="the stream only proposes", evidence=evidence, made=NOON, decided=None, decided_by=None, reason=None,
    )  # fmt: skip
    return view.model_copy(update=changes).model_dump(mode="json")


def registry(result: tuple[int, Any] = (200, {}), **views: Any) -> str:
    """A registry that shows these views, and answers every command so."""
    shown = {f"/v1/{path}": json.dumps(document) for path, document in views.items()}
    status, document = result
    return f"VIEWS, RESULT = {shown!r}, {(status, json.dumps(document))!r}\n{REGISTRY}"


def result(status: Status, model: int = 3) -> tuple[int, dict[str, Any]]:
    return 200, CommandResult(stream="loans", status=status, epoch=5, model=model).model_dump(mode="json")


def posted(deployment: FakeDeployment) -> list[str]:
    """The commands that the registry got."""
    lines = (deployment.home.logs / "registry.log").read_text().splitlines()
    return [line.removeprefix("POST ") for line in lines if line.startswith("POST ")]


def test_proposals_are_listed_with_their_evidence(deployment: FakeDeployment) -> None:
    declined = proposal(
        proposal=5, state="declined", action="canary", decided=NOON, decided_by="ann", reason="[red] too slow"
    )
    deployment.start_ready(ingestion=ANSWERS, registry=registry(proposals={"proposals": [proposal(), declined]}))
    done = penstock(deployment.home, "proposals")
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert "7 loans waiting promote version 3 over 1 accuracy 0.8 against 0.7 the stream only proposes" in shown
    assert "gain +0.1 [+0.05, +0.15], baseline 0.65" in shown
    assert "run request-3" in shown
    assert "start a rollout of version 3 beside 1: canary" in shown
    assert "ann: [red] too slow" in shown


def test_the_proposals_of_one_stream_are_listed_for_programs_too(deployment: FakeDeployment) -> None:
    views = {"proposals?stream=loans": {"proposals": [proposal()]}, "proposals": {"proposals": []}}
    deployment.start_ready(ingestion=ANSWERS, registry=registry(**views))
    done = penstock(deployment.home, "proposals", "loans", "--json")
    assert json.loads(done.stdout) == {"proposals": [proposal()]}
    assert penstock(deployment.home, "proposals").stdout == "Nothing was proposed yet.\n"


@pytest.mark.parametrize(
    ("words", "answer", "command", "line"),
    [
        (
            ("proposals", "approve", "7", "--reason", "seen"), result("promoted"),
            'proposals/7/approve USER {"reason":"seen"}',
            "loans: proposal 7: version 3 is the champion",
        ),
        (
            ("proposals", "approve", "7"), result("rollout_started", 1),
            'proposals/7/approve USER {"reason":""}',
            "loans: proposal 7: its rollout has started beside version 1",
        ),
        (
            ("proposals", "approve", "7"), result("unchanged"),
            'proposals/7/approve USER {"reason":""}',
            "loans: proposal 7: approved before; version 3 is the champion",
        ),
        (
            ("proposals", "decline", "7", "--why", "no"), result("declined", 1),
            'proposals/7/decline USER {"reason":"no"}',
            "loans: proposal 7: declined; version 1 is the champion",
        ),
        (
            ("rollback", "loans", "--reason", "bad", "--wait", "0"), result("rolled_back", 1),
            'streams/loans/rollback USER {"to_version":null,"to_epoch":null,"detail":"bad"}',
            "loans: version 1 serves, and is held; lift it: penstock rollback loans --release",
        ),
        (
            ("rollback", "loans", "--to", "4", "--wait", "0"), result("rolled_back", 1),
            'streams/loans/rollback USER {"to_version":null,"to_epoch":4,"detail":""}',
            "loans: version 1 serves, and is held; lift it: penstock rollback loans --release",
        ),
        (
            ("rollback", "loans", "--to-version", "3"), result("unchanged"),
            'streams/loans/rollback USER {"to_version":3,"to_epoch":null,"detail":""}',
            "loans: version 3 serves already, and is held; lift it: penstock rollback loans --release",
        ),
        (
            ("rollback", "loans", "--release"), result("released"),
            'streams/loans/release USER {"detail":""}',
            "loans: the hold is lifted, version 3 serves",
        ),
        (
            ("stream", "pause", "loans", "--reason", "bad feed"), result("paused"),
            'streams/loans/pause USER {"reason":"bad feed","intake":false}',
            "loans: paused; version 3 goes on answering; let it go on: penstock stream resume loans",
        ),
        (
            ("stream", "pause", "loans", "--intake", "--why", "worse", "--by", "ann"), result("unchanged"),
            'streams/loans/pause ann {"reason":"worse","intake":true}',
            "loans: paused already, its intake too; version 3 goes on answering; let it go on: penstock stream resume"
            " loans",
        ),
        (
            ("stream", "resume", "loans", "--by", "ann"), result("resumed"), 'streams/loans/resume ann {"reason":""}',
            "loans: goes on; version 3 serves",
        ),
    ],
)  # fmt: skip
def test_a_decision_is_sent_in_the_users_name_and_its_result_told(
    deployment: FakeDeployment, words: tuple[str, ...], answer: Any, command: str, line: str
) -> None:
    deployment.start_ready(ingestion=ANSWERS, registry=registry(answer))
    done = penstock(deployment.home, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{line}\n", "")
    assert posted(deployment) == ["/v1/" + command.replace("USER", getpass.getuser())]


def test_what_the_registry_refuses_is_one_line_with_status_2(deployment: FakeDeployment) -> None:
    stale = {"code": "stale_epoch", "detail": "proposal 7 was made at epoch 4: version 2 serves"}
    deployment.start_ready(ingestion=ANSWERS, registry=registry((409, stale)))
    done = penstock(deployment.home, "proposals", "approve", "7")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.endswith("/v1/proposals/7/approve: proposal 7 was made at epoch 4: version 2 serves\n")


def test_declining_needs_a_reason_and_lifting_a_hold_names_no_version(deployment: FakeDeployment) -> None:
    home = deployment.home
    assert penstock(home, "proposals", "decline", "7").returncode == 2
    both = penstock(home, "rollback", "loans", "--release", "--to", "1")
    says = "--to, --to-version and --release are different things to do; name one of them\n"
    assert (both.returncode, both.stderr) == (2, says)
    assert penstock(home, "rollback", "loans", "--to", "1", "--to-version", "1").stderr == says
    assert all(penstock(home, *words, "--help").returncode == 0 for words in (("rollback",), ("proposals",)))


def test_a_pause_needs_a_reason_and_a_name_that_the_audit_log_takes(deployment: FakeDeployment) -> None:
    assert penstock(deployment.home, "stream", "pause", "loans").returncode == 2
    named = penstock(deployment.home, "stream", "resume", "loans", "--by", "ann b")
    assert (named.returncode, named.stderr.count("\n")) == (2, 1)


def test_what_came_of_a_pause_is_there_for_programs(deployment: FakeDeployment) -> None:
    deployment.start_ready(ingestion=ANSWERS, registry=registry(result("paused")))
    done = penstock(deployment.home, "stream", "pause", "loans", "--why", "bad feed", "--json")
    assert json.loads(done.stdout) == result("paused")[1]


def test_partitions_that_are_tried_again_are_kept_in_the_audit_log_with_who_and_why(
    deployment: FakeDeployment,
) -> None:
    deployment.start_ready(registry=registry((200, {"resumed": {"validator": [0, 2]}})))
    done = penstock(deployment.home, "unit", "resume", "loans", "--why", "mended", "--by", "ann")
    assert (done.stdout, done.stderr) == ("validator: partitions 0, 2 of loans are tried.\n", "")
    assert posted(deployment)[-1] == (
        '/v1/streams/loans/resumed-units ann {"resumed":{"validator":[0,2]},"reason":"mended"}'
    )


def test_status_says_what_waits_for_a_person(deployment: FakeDeployment) -> None:
    hold = Hold(epoch=4, by="ann", time=NOON).model_dump(mode="json")
    pause = Pause(by="ann", time=NOON, detail="bad feed", intake=True).model_dump(mode="json")
    streams = [
        {"name": "loans", "champion": 1, "hold": hold},
        {"name": "cards", "champion": 2, "hold": None, "pause": pause},
    ]
    old = proposal(proposal=5, state="approved")
    views = {"streams": {"streams": streams}, "proposals": {"proposals": [proposal(), old]}}
    deployment.start_ready(ingestion=ANSWERS, registry=registry(**views))
    lines = penstock(deployment.home, "status").stdout.splitlines()
    assert lines[-3:] == [
        "loans: version 1 is held since the rollback at epoch 4 by ann; lift it: penstock rollback loans --release",
        "cards: paused since 2026-05-01 12:00 UTC by ann (bad feed): nothing is trained, promoted or taken in; resume"
        " it: penstock stream resume cards",
        "loans: proposal 7, version 3, waits for approval; see: penstock proposals loans",
    ]
