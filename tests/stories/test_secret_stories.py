"""A whole run at the loudest, against a venue that repeats keys: none is in anything it leaves."""

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from absolute.desk.box import box_process

EXAMPLE = Path(__file__).parents[2] / "examples" / "ladder.js"
PROGRAM = "import sys; from absolute.cli.main import status_of; sys.exit(status_of(sys.argv[1:]))"
CANARY = "c4n4ry-0f-th3-envir0nment"


def shapes(secret):
    """Ways in which a secret leaves a program; base64 at each of its three alignments."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) * 8 // 6
        yield base64.b64encode(bytes(before) + raw)[skipped:whole]


def echoing(path):
    """The refusal of a signature as Bybit words it, with what was signed; here the secret too."""
    said = {"retCode": 10004, "retMsg": "error sign! [17box-bybit-demo5000] box-bybit-demo-secret"}
    return {"do": "status", "status": 200, "body": json.dumps(said), "when": {"path": path}}


@pytest.mark.slow
@pytest.mark.parametrize("rules", [[echoing("/order/create")], [echoing("/order/realtime")], []])
def test_a_run_with_its_loudest_log_leaves_no_key_behind(tmp_path, rules):
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps({"rules": rules}))
    home = tmp_path / "home"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ABSOLUTE")},
        "ABSOLUTE_HOME": str(home),
        "LOG_LEVEL": "DEBUG",
        "LOG_FILE": str(tmp_path / "run.log"),
        "BYBIT_DEMO_API_KEY": f"{CANARY}-key",
        "BYBIT_DEMO_API_SECRET": f"{CANARY}-secret",
    }
    words = ["run", str(EXAMPLE), "--profile", "bybit:demo", "--box", "--minutes", "0.1", "--json"]
    with box_process("--venue", "bybit", "--faults", str(faults), place=home) as state:
        done = subprocess.run(  # noqa: S603, RUF100 -- our own program
            [sys.executable, "-c", PROGRAM, *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            check=False,
            timeout=60,
        )
        secrets = [*state.keys["bybit:demo"].values(), CANARY]
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = {"out": done.stdout, "err": done.stderr, **left}
    del told[faults]
    assert b"ListOpen" in told[tmp_path / "run.log"]
    if rules:
        assert any(b"error sign!" in text for text in told.values())
    for place, text in told.items():
        for secret in secrets:
            for shape in shapes(secret):
                assert shape not in text, (place, secret)
