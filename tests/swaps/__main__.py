"""Swaps champions under load, and watches what fails and what grows: `make swaps`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import httpx

from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.staging.ports import free_ports
from tests.staging.stage import TRAINING_LIMIT_S, Stage
from tests.staging.traffic import send_labelled
from tests.swaps.footprint import Footprint, footprint, growth, processes
from tests.swaps.load import Load
from tests.swaps.page import swaps_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/swaps.md"
ABOVE_USUAL = 9_000  # so that a deployment of somebody else on this machine has its ports for itself
STREAM = "swapped"
BASELINE_S = 30.0  # of load without a swap
SWAP_LIMIT_S = 60.0
PROGRESS = 50  # swaps between two lines


def main() -> int:
    """Swap; 1 when a request failed or something grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.swaps")
    parser.add_argument("--swaps", type=int, default=1000)
    swaps = parser.parse_args().swaps
    with tempfile.TemporaryDirectory(prefix="penstock-swaps-") as folder:
        return asyncio.run(_swap_all(swaps, Path(folder)))


async def _swap_all(swaps: int, folder: Path) -> int:
    home = Home(folder / "home")
    with running(home, StartOptions(ports=free_ports(ABOVE_USUAL), environment=dict(os.environ))):
        async with httpx.AsyncClient(timeout=90, trust_env=False) as client:
            stage = Stage(home, client)
            versions = await _two_versions(stage)
            url = f"{stage.deployment.url('server')}/v1/streams/{STREAM}"
            before, during = Load(client, f"{url}/predict"), Load(client, f"{url}/predict")
            async with before.flowing():
                await asyncio.sleep(BASELINE_S)
            began = time.monotonic()
            async with during.flowing():
                samples = await _swap(stage, url, versions, swaps)
            seconds = time.monotonic() - began
    grown = {name: growth(of_process) for name, of_process in samples.items()}
    PAGE.write_text(swaps_page(swaps, seconds, before, during, grown))
    too_much = [f"{each.quantity} of {name}" for name, grows in grown.items() for each in grows if each.is_large]
    _tell(f"failed: {dict(during.failures) or 'none'}; grew: {', '.join(too_much) or 'nothing'}")
    return int(bool(during.failures or too_much))


async def _two_versions(stage: Stage) -> tuple[int, int]:
    """The first champion, and what a training on the same rows gave, whether or not the gate let it through."""
    await stage.declare(STREAM, retrain={"on": ["declaration"], "first_after": 300})
    await send_labelled(stage, STREAM, 0, 600, pause_s=0.05)
    await stage.until_champion(STREAM, 1)
    first = await stage.champion(STREAM)
    (await stage.client.post(f"{_registry(stage)}/retrain", json={})).raise_for_status()
    async with asyncio.timeout(TRAINING_LIMIT_S):
        while (newest := await _newest_version(stage)) == first:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.5)
    return first, newest


async def _newest_version(stage: Stage) -> int:
    models = (await stage.client.get(f"{_registry(stage)}/models")).json()["models"]
    return max(each["model"]["version"] for each in models)


async def _swap(stage: Stage, url: str, versions: tuple[int, int], swaps: int) -> dict[str, list[Footprint]]:
    """Make the version champion that is not, again and again; what the processes held after each swap."""
    held, registry = processes(stage), _registry(stage)
    samples: dict[str, list[Footprint]] = {name: [] for name in held}
    serving = (await stage.client.get(registry)).json()
    champion, epoch = serving["champion"], serving["epoch"]
    for number in range(1, swaps + 1):
        (champion,) = set(versions) - {champion}
        body = {"version": champion, "expected_epoch": epoch, "detail": "a swap under load"}
        epoch = (await stage.client.post(f"{registry}/promote", json=body)).raise_for_status().json()["epoch"]
        await _until_in_force(stage.client, url, epoch)
        for name, process in held.items():
            samples[name].append(footprint(process))
        if number % PROGRESS == 0:
            _tell(f"{number} swaps")
    return samples


async def _until_in_force(client: httpx.AsyncClient, url: str, epoch: int) -> None:
    async with asyncio.timeout(SWAP_LIMIT_S):
        while (await client.get(f"{url}/model")).json()["epoch"] < epoch:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.02)


def _registry(stage: Stage) -> str:
    return f"{stage.deployment.url('registry')}/v1/streams/{STREAM}"


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
