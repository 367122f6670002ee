"""The two scripts that seed 002 prints as "tested and working" work here, with only new keys."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
FOUND = sorted(SEEDS.glob("002_*.txt")) if SEEDS.is_dir() else []

pytestmark = pytest.mark.skipif(not FOUND, reason="seed 002 is not here")

REST = "#teste de Conexão API Rest V5 Bybit Demo Trading"
SOCKET = "#teste de Conexão API WebSocket V5 Bybit Demo Trading"


def script(opening, pair):
    """The script as printed; only what stands between the quotes of the two keys is changed."""
    text = FOUND[0].read_text("utf-8")
    start = text.index("\n" + opening) + 1
    end = text.index("\n    " + _call(opening), start)
    code = text[start : text.index("\n", end + 1)]
    for name, value in (("API_KEY", pair["key"]), ("API_SECRET", pair["secret"])):
        code, changed = re.subn(rf'^{name} = "[^"]*"', f'{name} = "{value}"', code, flags=re.M)
        assert changed == 1
    return code


def _call(opening):
    return {
        REST: "enviar_ordem_compra_mercado(valor_compra)",
        SOCKET: "asyncio.run(receive_messages())",
    }[opening]


@pytest.fixture
def start(box, tmp_path):
    """Start a script in the environment that `absolute exchange env` prints."""
    running: list[subprocess.Popen] = []

    def begin(code):
        file = tmp_path / f"script{len(running)}.py"
        file.write_text(code, "utf-8")
        process = subprocess.Popen(
            [sys.executable, "-u", str(file)],
            env={"PATH": os.environ.get("PATH", ""), **box.environment(), "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_seed002_rest_script_buys_at_market(box, start):
    process = start(script(REST, box.keys["bybit:demo"]))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Ordem de compra a mercado enviada com sucesso!" in said, said
    assert re.search(r"ID da Ordem: \S+", said)


def test_seed002_socket_script_hears_the_order_the_rest_script_placed(box, start):
    listener = start(script(SOCKET, box.keys["bybit:demo"]))
    heard = []
    for line in listener.stdout:
        heard.append(line)
        if "Inscrição em ordens recebida" in line:
            break
    buyer = start(script(REST, box.keys["bybit:demo"]))
    said, _ = buyer.communicate(timeout=60)
    [number] = re.findall(r"ID da Ordem: (\S+)", said)
    for line in listener.stdout:
        heard.append(line)
        if number in line:
            break
    authenticated = next(line for line in heard if "Autenticação recebida" in line)
    assert json.loads(authenticated.partition(": ")[2])["success"] is True
    frame = json.loads(heard[-1].partition(": ")[2])
    [row] = [each for each in frame["data"] if each["orderId"] == number]
    assert frame["topic"] == "order"
    assert (row["symbol"], row["side"], row["category"]) == ("BTCUSDT", "Buy", "spot")
    assert listener.poll() is None
