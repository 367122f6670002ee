"""`./absolute` builds its environment once, says one line where it cannot, and keeps stdout clean.

A false Python stands in for the real one: it answers the same questions, writes down what it was
asked to install, and needs no network. The true story is told by `.ci/run` on a fresh machine.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house.tree import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the wrapper is for POSIX shells")

# Answers the probe, makes a .venv that holds itself, and notes every installation.
FALSE_PYTHON = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
case "$1 $2 $3" in
    "-c "*) echo "fits $here/${0##*/}" ;;
    "-m venv "*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo version >"$3/pyvenv.cfg" ;;
    "-m pip --version") ;;
    "-m pip install"*)
        echo "$*" >>"$NOTES"
        [ -z "${PIP_WAITS:-}" ] || sleep 1
        if [ -n "${PIP_BREAKS:-}" ]; then echo 'ERROR: no network' >&2; exit 1; fi
        printf '#!/bin/sh\\necho "ran: $*"\\n' >"$here/absolute"
        chmod +x "$here/absolute" ;;
esac
"""


class House:
    """A copy of the wrapper with a false Python, and a way to call it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "a house"
        self.notes = directory / "notes"
        self.python = directory / "bin" / "python3.11"
        (self.root / "requirements").mkdir(parents=True)
        for name in ("absolute", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root / name)
        for name in ("run", "develop"):
            (self.root / f"requirements/{name}.txt").write_text(f"{name}==1\n")
        self.write_python(FALSE_PYTHON)

    def write_python(self, text: str) -> None:
        self.python.parent.mkdir(exist_ok=True)
        self.python.write_text(text)
        self.python.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "HOME": str(self.notes.parent),
            "NOTES": str(self.notes),
            "ABSOLUTE_PYTHON": str(self.python),
            **more,
        }

    def call(self, *words: str, program: Path | None = None, **more: str):
        return subprocess.run(
            [program or self.root / "absolute", *words],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def installed(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_the_first_call_installs_and_keeps_stdout_for_the_command(house):
    result = house.call("demo", "--json")
    assert (result.returncode, result.stdout) == (0, "ran: demo --json\n")
    assert result.stderr.startswith("absolute: first run, installing 1 packages with pip")
    locked, project = house.installed()
    assert locked.startswith("-m pip install --require-hashes -r")
    assert locked.endswith("requirements/run.txt")
    assert "--no-deps --no-build-isolation -e" in project


def test_the_second_call_starts_at_once(house):
    house.call("demo")
    started = time.perf_counter()
    result = house.call("demo")
    assert time.perf_counter() - started < 0.5  # it takes a hundredth of it on a quiet machine
    assert result.stderr == ""
    assert len(house.installed()) == 2


@pytest.mark.parametrize("words", [("test",), ("check",), ("bench",), ("--lang", "en", "test")])
def test_the_commands_of_developers_get_their_tools(house, words):
    house.call(*words)
    assert house.installed()[0].endswith("requirements/develop.txt")
    house.call("demo")
    assert len(house.installed()) == 2, "the developers' lock holds the other one"


def test_a_changed_lock_is_installed(house):
    house.call("demo")
    (house.root / "requirements/run.txt").write_text("run==2\n")
    assert "changed" in house.call("demo").stderr
    assert len(house.installed()) == 4


def test_a_moved_house_is_put_in_order(house, tmp_path):
    house.call("demo")
    house.root = house.root.rename(tmp_path / "elsewhere")
    assert house.call("demo").returncode == 0
    assert len(house.installed()) == 4


def test_it_is_found_through_links_from_anywhere(house, tmp_path):
    link, second = tmp_path / "link", tmp_path / "bin" / "second"
    link.symlink_to(house.root / "absolute")
    second.symlink_to("../link")
    assert house.call("demo", program=second, CDPATH="/").stdout == "ran: demo\n"
    assert (house.root / ".venv").is_dir()


def test_an_interrupted_installation_is_done_again(house):
    broken = house.call("demo", PIP_BREAKS="yes")
    assert broken.returncode == 1
    assert broken.stdout == ""
    assert "installing failed: ERROR: no network" in broken.stderr
    assert not (house.root / ".venv.lock").exists()
    assert house.call("demo").returncode == 0


def test_two_first_calls_install_once(house):
    words = [house.root / "absolute", "demo"]
    environment = house.environment(PIP_WAITS="yes")
    pair = [subprocess.Popen(words, env=environment, stdout=-1, stderr=-1) for _ in range(2)]
    outputs = [each.communicate(timeout=60) for each in pair]
    assert [out for out, _ in outputs] == [b"ran: demo\n"] * 2
    assert len(house.installed()) == 2
    assert sum(b"another call is installing" in err for _, err in outputs) == 1


def test_the_lock_of_a_dead_call_is_taken_over(house):
    (house.root / ".venv.lock").mkdir()
    dead = subprocess.Popen(["/bin/sh", "-c", "exit 0"])
    dead.wait()
    (house.root / ".venv.lock/pid").write_text(str(dead.pid))
    assert house.call("demo").returncode == 0


def test_a_stopped_call_gives_its_lock_back(house):
    environment = house.environment(PIP_WAITS="yes")
    words = [house.root / "absolute", "demo"]
    process = subprocess.Popen(words, env=environment, stdout=-1, stderr=-1)
    while not (house.root / ".venv.lock/pid").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert not (house.root / ".venv.lock").exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('echo "bare /usr/bin/python3.11"', "sudo apt install python"),
        ('echo "old /usr/bin/python3.9"', "is not a Python 3.11 or newer"),
        ("exit 127", "is not a Python 3.11 or newer"),
    ],
)
def test_a_python_that_does_not_do_is_one_line(house, answer, said):
    house.write_python(f"#!/bin/sh\n{answer}\n")
    result = house.call("demo")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert not (house.root / ".venv").exists()


def test_no_python_at_all_is_one_line(house, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in "sh cat cksum cut dirname env grep mkdir mv readlink rm sleep tail".split():
        (tools / name).symlink_to(shutil.which(name))
    result = house.call("demo", PATH=str(tools), ABSOLUTE_PYTHON="")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "none was found" in result.stderr


@pytest.fixture
def uv(house):
    """A false uv on PATH, which notes its words and then does what the false pip does."""
    path = house.python.parent / "uv"
    path.write_text(
        f'#!/bin/sh\necho "uv $*" >>"$NOTES"\ncase "$1" in\n'
        f'venv) "{house.python}" -m venv "$5" ;;\n'
        'pip) NOTES=/dev/null "$4" -m pip install x ;;\nesac\n'
    )
    path.chmod(0o755)


def _used_uv(house) -> bool:
    return any(note.startswith("uv pip install") for note in house.installed())


@pytest.mark.skipif(
    any(Path(p).exists() for p in ("/etc/pip.conf", "/etc/xdg/pip/pip.conf")),
    reason="this machine has pip settings of its own",
)
def test_uv_is_used_where_it_is(house, uv):
    assert house.call("demo").returncode == 0
    assert _used_uv(house)


def test_who_has_settings_for_pip_is_served_by_pip(house, uv):
    assert house.call("demo", PIP_INDEX_URL="file:///nowhere").returncode == 0
    assert not _used_uv(house)


def test_who_has_settings_for_uv_is_served_by_uv(house, uv):
    settings = {"PIP_INDEX_URL": "file:///nowhere", "UV_DEFAULT_INDEX": "file:///nowhere"}
    assert house.call("demo", **settings).returncode == 0
    assert _used_uv(house)
