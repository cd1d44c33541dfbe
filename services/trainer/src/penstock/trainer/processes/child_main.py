"""`python -m penstock.trainer.processes.child_main STORE MEANS`: one training, started by the trainer."""

from __future__ import annotations

import os
import signal
import sys
import threading

from penstock.artifacts import open_store
from penstock.trainer.job import Job, Means
from penstock.trainer.training.attempt import attempt


def main() -> None:
    """Read the job, train, answer, and leave."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_leave_when_alone, daemon=True).start()
    answer = attempt(job, open_store(sys.argv[1]), Means.model_validate_json(sys.argv[2]))
    os.write(answers, answer.model_dump_json().encode())


def _leave_when_alone() -> None:
    """The input stays open for as long as the trainer lives; afterwards whatever was started here leaves, too."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
