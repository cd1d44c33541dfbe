"""`python -m penstock.trainer.processes.child_main STORE RESOURCES`: one training, started by the trainer."""

from __future__ import annotations

import os
import signal
import sys
import threading

from penstock.artifacts import open_store
from penstock.ml.package.estimator_bytes import import_learners
from penstock.trainer.job import TrainingJob, TrainingResources
from penstock.trainer.processes.memory_allocation import limit_memory, return_large_arrays
from penstock.trainer.training.job_runner import run_job

MEMORY_OF_PUSH = 8 << 30  # bytes of addresses, for a model and all rows; a server's model process has half of it


def main() -> None:
    """Read the job, train, write the result, and end."""
    output = os.dup(1)
    os.dup2(2, 1)  # what libraries print is not part of the result
    return_large_arrays()
    import_learners()  # while it is a spare, which waits for its job
    job = TrainingJob.model_validate_json(sys.stdin.buffer.readline())
    if job.push is not None:
        limit_memory(MEMORY_OF_PUSH)
    threading.Thread(target=_end_with_trainer, daemon=True).start()
    result = run_job(job, open_store(sys.argv[1]), TrainingResources.model_validate_json(sys.argv[2]))
    os.write(output, result.model_dump_json().encode())


def _end_with_trainer() -> None:
    """End this process and whatever it started when the trainer ends, which closes the input."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
