"""Owns the environment of Binance's own SDK: built once from a pinned list, beside the others.

It may want other versions than ours, so it has its own. What cannot be built is told in a reason.
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("binance_sdk.txt")
PLACE = Path(__file__).resolve().parents[2] / ".venv-witness"
BUILD_S = 600.0


class Unbuilt(Exception):
    """The environment cannot be built here; the message says why."""


def sdk_python() -> Path:
    """The Python that has the SDK, built now if it is not there yet; raises Unbuilt."""
    pinned = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    folder = PLACE / f"binance-sdk-{pinned}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = folder / "ready"
    if not stamp.is_file():
        venv.create(folder, with_pip=True, clear=True)
        words = [str(python), "-m", "pip", "install", "--quiet", "--no-input"]
        words += ["--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=BUILD_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unbuilt(f"pip took longer than {BUILD_S:.0f} s") from error
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip failed without a word"]
            raise Unbuilt(lines[-1])
        stamp.touch()
    return python
