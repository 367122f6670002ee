"""Owns the other programs of the benchmark: an environment for each, and runs in their own process.

Each peer has its own environment, made from a lock with hashes on first use, so that every peer
comes in its newest version and one that cannot be installed takes no other down. A peer that fails
is a result, not an error of ours. It must not know what is compared, nor anything of our engine.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from absolute.desk.language import _
from absolute.domain.errors import AbsoluteError
from absolute.domain.units import Quote

HOUSE: Final = Path(__file__).resolve().parents[3] / "benchmarks"
"""Where the runners and their locks are; only the source tree has it."""

INSTALL_SECONDS_MAX: Final = 1800
RUN_SECONDS_MAX: Final = 1800
WORDS_MAX: Final = 300

# Settings of pip that uv would not follow; who has one is served by pip.
PIP_SETTINGS: Final = ("index-url", "extra-index-url", "no-index", "find-links", "proxy", "cert")

Watch = Callable[[str], None]


class Unmeasured(AbsoluteError):
    """A program could not be measured here; the message says why, in the words of whoever knows."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A runner of `benchmarks/peers`, and how much it is given to do.

    `environment` names its lock and its directory, or nothing: our own Python. `engine` chooses
    where a peer has several.
    """

    name: str
    script: str
    environment: str | None
    bars_max: int = 10_000_000
    repeat: int = 3
    warm_up: int = 1
    engine: str = "auto"


PEERS: Final = (
    Peer("vectorbt", "run_vectorbt.py", "vectorbt"),
    Peer("vectorbt_numba", "run_vectorbt.py", "vectorbt", engine="numba"),
    Peer("nautilus", "run_nautilus.py", "nautilus", bars_max=200_000, repeat=1, warm_up=0),
    Peer("backtesting", "run_backtesting.py", "backtesting", bars_max=200_000, repeat=1, warm_up=0),
)
REFERENCE: Final = Peer("reference", "reference.py", None, repeat=1, warm_up=0)


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a runner said: bars worked on, the seconds of each run, and what it came to."""

    bars: int
    runs: tuple[float, ...]
    fills: int
    final_equity: Quote
    version: str


def run_peer(peer: Peer, market: Path, rules: Mapping[str, object], *, watch: Watch) -> PeerRun:
    """Work one case in a process of its own; the rules are written beside the market file.

    Raises Unmeasured when the peer cannot be installed or run.
    """
    python = _python_of(peer, watch)
    file = market.with_suffix(".json")
    file.write_text(json.dumps({**rules, "engine": peer.engine}), "utf-8")
    script = HOUSE / "peers" / peer.script
    said = _call([python, script, market, file], seconds_max=RUN_SECONDS_MAX)
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return PeerRun(
        bars=answer["bars"],
        runs=tuple(answer["runs"]),
        fills=answer["fills"],
        final_equity=Quote(Decimal(answer["final_equity"])),
        version=answer["version"],
    )


def python_path(peer: Peer) -> Path:
    """Where the peer's Python is, or will be once it is installed."""
    if peer.environment is None:
        return Path(sys.executable)
    place = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return HOUSE / ".venv" / peer.environment / place


def _python_of(peer: Peer, watch: Watch) -> Path:
    """The Python the peer runs with, its environment made where it is missing or out of date."""
    if not (HOUSE / "peers" / peer.script).is_file():
        raise Unmeasured(_("The peers need the source tree; clone the repository."))
    python = python_path(peer)
    if peer.environment is None:
        return python
    directory = HOUSE / ".venv" / peer.environment
    lock = HOUSE / "peers" / f"{peer.environment}.txt"
    stamp = directory / "installed.sha256"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text("utf-8") != digest:
        message = _("Installing {name} in {place}, once")
        watch(message.format(name=peer.environment, place=directory))
        _install(directory, python, lock)
        # Written last: an installation that was interrupted is simply done again.
        stamp.write_text(digest, "utf-8")
    return python


def _install(directory: Path, python: Path, lock: Path) -> None:
    """Make the environment anew, from packages whose hashes are in the lock and no others."""
    if directory.exists():
        shutil.rmtree(directory)
    uv = _uv()
    hashed = ("--require-hashes", "-r", lock)
    if uv is None:
        _call([sys.executable, "-m", "venv", directory])
        _call([python, "-m", "pip", "install", "--quiet", *hashed])
        return
    _call([uv, "venv", "--quiet", "--python", sys.executable, directory])
    _call([uv, "pip", "install", "--quiet", "--python", python, *hashed])


def _uv() -> str | None:
    """The uv to install with; None without one, or when pip was told what uv would not follow."""
    uv = shutil.which("uv")
    if uv is None or any(name.startswith("UV_") and "INDEX" in name for name in os.environ):
        return uv
    try:
        told = _call([sys.executable, "-m", "pip", "config", "list"])
    except Unmeasured:
        return uv  # there is no pip to be told anything
    return None if any(f".{setting}=" in told for setting in PIP_SETTINGS) else uv


def _call(words: Sequence[str | Path], *, seconds_max: int = INSTALL_SECONDS_MAX) -> str:
    """What a program prints; raises Unmeasured with its last words when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    try:
        done = subprocess.run(  # noqa: S603 -- fixed words, no shell
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = _("It was stopped after {seconds} seconds.")
        raise Unmeasured(message.format(seconds=seconds_max)) from error
    except OSError as error:
        raise Unmeasured(str(error)) from error
    if done.returncode:
        raise Unmeasured(_last_words(done.stderr) or f"exit status {done.returncode}")
    return done.stdout


def _last_words(text: str) -> str:
    """The last line that names an error, or the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[-1][:WORDS_MAX]
