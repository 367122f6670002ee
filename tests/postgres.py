"""Owns a private PostgreSQL server for tests: made on the first ask, gone with the test process.

It listens on a socket file in a directory of its own and on no port. Where no server program is
installed, whoever asks is skipped with the reason.
"""

import atexit
import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

_PLACES = "/usr/lib/postgresql/*/bin"
_numbers = count(1)


def new_database() -> str:
    """The URL of an empty database; skips the test where there is no server."""
    socket = _server()
    name = f"test{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"postgresql://{_owner()}@/postgres?host={socket}", autocommit=True) as c:
        c.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"postgresql://{_owner()}@/{name}?host={socket}"


def place_of(kind: str, tmp_path: Path) -> str:
    """A fresh database of a kind: the path of a file, or the URL of a PostgreSQL database."""
    return new_database() if kind == "postgres" else str(tmp_path / "store.db")


def _program(name: str) -> str | None:
    root = Path(_PLACES.partition("*")[0])
    found = sorted(root.glob(f"*/bin/{name}")) if root.is_dir() else []
    return str(found[-1]) if found else shutil.which(name)


def _owner() -> str:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    import pwd  # there is none on Windows

    known = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@cache
def _server() -> str:
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL server program is installed here")
    home = tempfile.mkdtemp(prefix="absolute-postgres-")
    owner = _owner()
    user = owner if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(home, user)
    data = f"{home}/data"
    made = [initdb, "-D", data, "-A", "trust", "-U", owner, "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(made, check=True, capture_output=True, user=user, cwd=home)
    words = [postgres, "-D", data, "-k", home, "-c", "listen_addresses="]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(words, stdout=quiet, stderr=quiet, user=user, cwd=home)

    def stop() -> None:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(stop)
    for _ in range(200):
        try:
            psycopg.connect(f"postgresql://{owner}@/postgres?host={home}").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return home
    raise AssertionError("the PostgreSQL server did not start")
