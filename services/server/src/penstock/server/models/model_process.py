"""A child process that holds one model: limited in memory and time, killed when it exceeds them, one call at a time."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from penstock.server.models.child_messages import LENGTH_BYTES, MAX_MESSAGE, Failed, Message, Operation, decode

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
CHILD = (sys.executable, "-m", "penstock.server.models.child_main")


class ModelProcessFailed(Exception):
    """The model raised an error, took too long, or its process ended."""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What a model may take: bytes of address space, and seconds to be opened and to answer or learn one batch."""

    memory: int = 4 * 2**30
    opening: float = 60.0
    call: float = 2.0


class ModelProcess:
    """One child; after a time-out, a cancelled call or an unreadable message it is killed, with whatever it started."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._one_call = asyncio.Lock()
        self._killed = False

    @classmethod
    async def start(cls, limits: ProcessLimits, command: Sequence[str] = CHILD) -> ModelProcess:
        """Start a child that holds no model yet."""
        process = await asyncio.create_subprocess_exec(
            *(*command, str(limits.memory)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )
        return cls(process)

    @property
    def has_ended(self) -> bool:
        """Whether no call can succeed any more."""
        return self._killed or self._process.returncode is not None

    async def call(self, operation: Operation, limit: float, *arguments: Any) -> Message:
        """Have the child carry out one operation, after those before it, within `limit` seconds.

        Raises:
            ModelProcessFailed: it did not.
        """
        async with self._one_call:
            if self.has_ended:
                raise ModelProcessFailed("its process has ended")
            message = await self._call(operation, limit, arguments)
        if isinstance(message, Failed):
            raise ModelProcessFailed(message.reason)
        return message

    def kill(self) -> None:
        """End the child at once, and whatever it started."""
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the child once the call under way is finished."""
        async with self._one_call:
            self.kill()
        await self._process.wait()

    async def _call(self, operation: Operation, limit: float, arguments: tuple[Any, ...]) -> Message:
        finished = False
        try:
            async with asyncio.timeout(limit):
                message = await self._exchange(pickle.dumps((operation, limit, arguments), pickle.HIGHEST_PROTOCOL))
            finished = True
        except TimeoutError:
            raise ModelProcessFailed(f"it took longer than {limit:g} s") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            self.kill()  # it may have closed its output only
            code = await self._process.wait()
            raise ModelProcessFailed(f"its process ended with {_exit_name(code)}") from None
        except (msgspec.DecodeError, ValueError) as error:
            raise ModelProcessFailed(f"its process wrote no message: {error}") from error
        finally:
            if not finished:
                self.kill()
        return message

    async def _exchange(self, request: bytes) -> Message:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(len(request).to_bytes(LENGTH_BYTES) + request)
        await self._process.stdin.drain()
        length = int.from_bytes(await self._process.stdout.readexactly(LENGTH_BYTES))
        if length > MAX_MESSAGE:
            raise ValueError(f"{length} bytes, more than the {MAX_MESSAGE} allowed")
        message: Message = decode(await self._process.stdout.readexactly(length))
        return message


def _exit_name(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
