"""Owns the box that the foreign clients meet: one process of its own, reached over real TLS."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from absolute.desk.box import box_process
from absolute.desk.box_state import BoxState

# pybit sets a callback only after it has sent the request, which loopback is too quick for.
DISTANCE = "rules: [{do: frame_late, ms: 25, name: distance, when: {venue: bybit}}]"


@pytest.fixture(scope="session")
def box(tmp_path_factory) -> Iterator[BoxState]:
    """A served box of every venue, on the made market of one seed, with Bybit's sockets far off."""
    place = tmp_path_factory.mktemp("box")
    faults = place / "distance.yaml"
    faults.write_text(DISTANCE)
    words = ("--synth", "7", "--speed", "10", "--faults", str(faults))
    with box_process(*words, place=place) as state:
        yield state


@pytest.fixture
def foreign(box, tmp_path):
    """Run another program's file in the environment that `absolute exchange env` prints."""

    def run(file: Path, *words: str, python: str = sys.executable, seconds: float = 90) -> list:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(tmp_path),
            **box.environment(),
        }
        done = subprocess.run(
            [python, str(file), *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return run
