"""Owns the box that the foreign clients meet: one process of its own, reached over real TLS."""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from absolute.desk.box import box_process
from absolute.desk.box_state import BoxState
from absolute.simex.control import CONTROL_HOST

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
        assert broken(state) == []


def broken(state: BoxState) -> list:
    """What broke inside the box: nothing that a foreign client did may."""
    tls = ssl.create_default_context(cafile=state.ca)
    head = f"GET /failures HTTP/1.1\r\nHost: {CONTROL_HOST}\r\nConnection: close\r\n\r\n"
    plain = socket.create_connection((state.host, state.port), timeout=10)
    with tls.wrap_socket(plain, server_hostname=CONTROL_HOST) as line:
        line.sendall(head.encode())
        told = line.makefile("rb").read()
    found: list = json.loads(told.partition(b"\r\n\r\n")[2])
    return found


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
