"""`absolute dca` at its door: the table, the files, and the menu through a pipe and a terminal."""

import io
import json
import os
import select
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import absolute
from absolute.cli.main import status_of
from absolute.desk.strategy_files import load_draft, load_strategy
from absolute.strategies.ladder_plan import LadderConfig, ladder_config

RUN = "from absolute.cli.main import run; run()"
PROGRAM = (sys.executable, "-c", RUN)
TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
ITEMS = 16
"""Questions before the ladder is printed."""


def environment() -> dict[str, str]:
    source = str(Path(absolute.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder, which the program runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys, *words: str, status: int = 0) -> str:
    assert status_of(words) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def report(capsys, *words: str, status: int = 0) -> dict:
    assert status_of([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


# ----------------------------------------------------------------------------------------- print


def test_print_as_json_gives_the_keys_other_programs_read(capsys):
    result = report(capsys, "dca", "print")
    assert result["total_cost"] == "7735.00"
    assert result["affordable_orders"] == 14
    assert result["affordable_cost"] == "4792.18"
    assert [rung["rung"] for rung in result["rungs"]] == list(range(21))
    for rung in result["rungs"]:
        assert set(rung) >= {
            *("rung", "price", "drop", "order", "cumulative", "average"),
            *("target", "sell_price", "bounce_needed", "affordable"),
        }
        amounts = {key: value for key, value in rung.items() if key not in ("rung", "affordable")}
        assert all(isinstance(value, str) and Decimal(value) >= 0 for value in amounts.values())
    assert [rung["affordable"] for rung in result["rungs"]] == [True] * 14 + [False] * 7
    # 100 * 0.99**20 = 81.79069376 and (89.61837923 * 1.012547) / 81.79069376 - 1 = 0.10945167
    assert result["rungs"][20]["price"] == "81.79069376"
    assert result["rungs"][20]["bounce_needed"] == "0.10945167"


def test_json_stays_the_same_in_portuguese(capsys):
    english = report(capsys, "dca", "print")
    portuguese = report(capsys, "--lang", "pt-BR", "dca", "print")
    assert {**portuguese, "sentence": ""} == {**english, "sentence": ""}


def test_print_shows_a_line_a_rung_and_the_card(capsys):
    lines = told(capsys, "dca", "print").splitlines()
    assert lines[21].split() == [
        *("20", "81.79", "-18.21%", "445.78", "7,735.00"),
        *("89.62", "1.255%", "90.74", "10.95%", "no"),
    ]
    assert lines[22] == "21 orders cost 7,735.00 USDT, 14 orders for 4,792.18 fit in 5,000."
    assert any("5,188.03" in line for line in lines[23:])
    assert any("3.293%" in line for line in lines[23:])


def test_print_takes_a_price_a_balance_and_changes(capsys):
    words = ["dca", "print", "--price", "64000", "--free", "700", "--set", "taxa=0.2%"]
    result = report(capsys, *words, "--set", "limite_recompras=2")
    assert [rung["price"] for rung in result["rungs"]] == ["64000", "63360", "62726.4"]
    assert result["affordable_orders"] == 2
    assert result["strategy"]["taxa"] == "0.002"


def test_a_target_that_loses_money_after_fees_is_said(capsys):
    out = told(capsys, "dca", "print", "--set", "lucro_alvo_minimo=0", "--set", "taxa=3%")
    assert "lose money after fees" in out


def test_a_ladder_in_a_dear_coin_keeps_its_digits(capsys):
    words = ["qty_inicial=0.003", "qty_minima=0.0005", "qty_maxima=0.006", "saldo_limite=0.05"]
    changes = [word for pair in words for word in ("--set", pair)]
    assert "0.00300000" in told(capsys, "dca", "print", *changes)
    # 7734.995158 / 100000 = 0.07734995, give or take half a unit for each of the 21 orders
    total = Decimal(report(capsys, "dca", "print", *changes)["total_cost"])
    assert abs(total - Decimal("0.07734995")) <= 21 * Decimal("0.000000005")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "qty_inicial=-5"], "LADDER_NEGATIVE", "qty_inicial = -5"),
        (["--set", "lucro_alvo_inicial=6%"], "LADDER_ABOVE_CLAMP", "lucro_alvo_maximo = 0.05"),
        (["--set", "saldo_limite=100"], "LADDER_CAP", "qty_inicial = 300"),
        (["--set", "lucro_alvo_inicial=3.5"], "LADDER_LOOKS_LIKE_PERCENT", "0.035"),
        (["--set", "qty_inicail=5"], "LADDER_UNKNOWN_FIELD", "write qty_inicial"),
        (["--set", "qty_inicial"], "USAGE", "key=value"),
        (["--price", "0"], "USAGE", "--price 0"),
        (["--price", "1,5"], "AMOUNT_INVALID", "comma"),
        (["--free=-1"], "USAGE", "--free -1"),
        (["none.js"], "STRATEGY_FILE_MISSING", "none.js"),
        (["--sett", "a=b"], "USAGE", "--set"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(capsys, folder, words, code, said):
    assert status_of(["dca", "print", *words, "--json"]) == 2
    captured = capsys.readouterr()
    fault = json.loads(captured.out)
    assert fault["error"] == code
    assert said in fault["message"]
    assert said in captured.err
    assert not list(folder.iterdir())


# --------------------------------------------------------------------------------- save and check


@pytest.mark.parametrize("suffix", [".js", ".json", ".yaml"])
def test_what_is_saved_is_printed_and_checked_alike(capsys, tmp_path, suffix):
    path = tmp_path / f"ladder{suffix}"
    told(capsys, "dca", "save", str(path), "--set", "qty_inicial=100")
    assert load_strategy(path) == ladder_config({"qty_inicial": 100})
    from_file = report(capsys, "dca", "print", str(path))
    assert from_file == report(capsys, "dca", "print", "--set", "qty_inicial=100")
    checked = report(capsys, "dca", "check", str(path))
    assert checked["ok"] is True
    assert checked["total_cost"] == from_file["total_cost"]
    assert from_file["sentence"] in told(capsys, "dca", "check", str(path))


def test_save_builds_on_another_file_and_overwrites_only_when_told(capsys, tmp_path):
    first, second = tmp_path / "a.js", tmp_path / "b.yaml"
    told(capsys, "dca", "save", str(first), "--set", "qty_inicial=100")
    told(capsys, "dca", "save", str(second), "--from", str(first), "--set", "taxa=0")
    assert load_strategy(second) == ladder_config({"qty_inicial": 100, "taxa": 0})
    assert "exists" in told(capsys, "dca", "save", str(first), status=2)
    assert load_strategy(first) == ladder_config({"qty_inicial": 100})
    told(capsys, "dca", "save", str(first), "--force")
    assert load_strategy(first) == LadderConfig()


def test_check_tells_every_problem_of_a_file_with_its_line(capsys, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("qty_inicial: -1\nmoon: 2\n", encoding="utf-8")
    said = told(capsys, "dca", "check", str(path), status=2)
    assert f"{path}:1: qty_inicial = -1" in said
    assert f"{path}:2: moon: no such setting" in said


# ------------------------------------------------------------------------------ menu, from a pipe


@pytest.fixture
def talk(capsys, monkeypatch, folder):
    """Answers the menu with lines, in an empty folder, and gives what it said."""
    assert not list(folder.iterdir())

    def answered(*lines: str, words: tuple[str, ...] = ("dca",), status: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert status_of(words) == status
        captured = capsys.readouterr()
        return captured.out + captured.err

    return answered


def test_enter_takes_every_default_saves_and_leaves(talk):
    said = talk(*[""] * ITEMS, "s", "", "n", "n")
    assert "Item 1 · qty_inicial [300]: " in said
    assert "Item 3.1c · limite_recompras [20]: " in said
    assert "0.035 -> 3.5 %" in said
    assert "21 orders cost 7,735.00 USDT, 14 orders for 4,792.18 fit in 5,000." in said
    assert said.rstrip().endswith("Nothing was run.")
    assert load_strategy(Path("estrategia.js")) == LadderConfig()


def test_answers_are_taken_in_both_notations_and_echoed(talk):
    said = talk("250", "1,03", "", "", "4%", "!", "n", "n", "n", words=("--lang", "pt-BR", "dca"))
    assert "multiplicador_qty [1,02]: 1,03" in said
    assert "lucro_alvo_inicial = 0,04 -> 4 %" in said


def test_bad_answers_are_explained_and_asked_again(talk):
    said = talk(
        *("abc", "-5", "1.234", "3.5%", "300"),
        *("0", "1.025", "400", "50", "200", "600"),
        *("3.5", "0.2", "0.035"),
        *("!", "n", "n", "n"),
    )
    for words in (
        "'abc' is not a number",
        "it is negative",
        "1.234 could be 1234 or 1.234",
        "'3.5%' is not a number",
        "it must be above 0",
        "qty_inicial = 300: it is below its clamp qty_minima = 400",
        "qty_inicial = 300: it is above its clamp qty_maxima = 200",
        "3.5 is not a ratio; write 0.035, or 3.5%",
    ):
        assert words in said
    assert said.count("Item 1 · qty_inicial") == 5
    assert "multiplicador_qty = 1.025" in said


def test_a_clamp_still_to_come_is_not_held_against_an_answer(talk):
    said = talk("1000", "", "", "", "!", "s", "big", "n", "n")
    assert "Item 1.1b · qty_maxima [1000]: " in said
    saved = load_strategy(Path("big.js"))
    assert saved.qty_inicial == saved.qty_maxima == 1000


def test_a_question_mark_explains_and_asks_again(talk):
    said = talk("?", "", "", "", "", "?", "!", "?", "n", "?", "n", "?", "n")
    assert "What the first order of a deal spends, at market. Default: 300." in said
    assert "Write a ratio or a percent: 0.035 or 3.5%. Default: 0.035 -> 3.5 %." in said
    assert "Saves the strategy to a file." in said
    assert said.count("Item 1 · qty_inicial") == 2


def test_less_than_goes_back_through_items_and_decisions(talk):
    said = talk(
        "<", "100", "1.5", "<", "<", "200", "!", "<", "n", "n", "<", "n", "<", "s", "", "n", "n"
    )
    assert "This is the first item." in said
    assert "Item 1 · qty_inicial [100]: 200" in said
    assert "multiplicador_qty = 1.5" in said  # kept as the proposal, taken with the rest
    assert load_strategy(Path("estrategia.js")).qty_inicial == 200


def test_item_10_starts_over_from_the_seeds_defaults(talk):
    said = talk("100", "!", "n", "n", "s", "!", "n", "n", "n")
    assert said.count("Item 1 · qty_inicial [300]: ") == 2


def test_a_name_that_is_taken_is_not_overwritten(talk):
    Path("mine.json").write_text("precious", encoding="utf-8")
    Path("estrategia.js").write_text("precious", encoding="utf-8")
    said = talk("!", "s", "mine.json", "s", "\x00", "s", "<", "s", "", "n", "n")
    assert "the file exists and was kept" in said
    assert Path("mine.json").read_text(encoding="utf-8") == "precious"
    assert load_strategy(Path("estrategia-2.js")) == LadderConfig()


def test_an_input_that_ends_is_said_with_the_question_and_status_2(talk):
    assert "ended at Item 1 · qty_inicial" in talk(status=2)
    assert "ended at Item 3 · recompra_queda_inicial" in talk(*[""] * 8, status=2)
    assert "ended at Item 9 · executar_estrategia" in talk("!", "n", status=2)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("line", ["?", "x", "<"])
def test_a_pipe_that_never_answers_comes_to_an_end(talk, line):
    assert "answers were given" in talk(*[line] * 2000, status=2)


def test_a_real_pipe_takes_all_defaults(tmp_path):
    done = subprocess.run(
        [*PROGRAM, "dca"],
        input="\n" * (ITEMS + 2),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 2  # the input ended before item 9 was answered
    assert "14 orders for 4,792.18 fit in 5,000" in done.stdout
    assert "ended at Item 9 · executar_estrategia" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_strategy(tmp_path / "estrategia.js") == LadderConfig()


def test_bytes_that_are_no_text_end_in_one_sentence(tmp_path):
    done = subprocess.run(
        [*PROGRAM, "dca"],
        input=b"\xff\xfe\n",
        capture_output=True,
        cwd=tmp_path,
        env={**environment(), "PYTHONIOENCODING": "utf-8:strict"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"use UTF-8" in done.stderr


# --------------------------------------------------------------------------- menu, on a terminal


class Terminal:
    """A program on a pseudo-terminal of its own, so that Ctrl-C reaches it as a person's does."""

    def __init__(self, words: tuple[str, ...], folder: Path) -> None:
        pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
        self._master, slave = pty.openpty()
        self.program = subprocess.Popen(
            [sys.executable, "-c", f"{TAKE_TERMINAL}; {RUN}", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**environment(), "TERM": "xterm", "COLUMNS": "100"},
            start_new_session=True,
        )
        os.close(slave)
        self.said = ""

    def until(self, words: str) -> None:
        while words not in self.said:
            assert self._hears(30), f"waited for {words!r} in:\n{self.said}"

    def _hears(self, patience_s: float) -> bool:
        """Take in what the program says next; false when it keeps silent."""
        ready, _, _ = select.select([self._master], [], [], patience_s)
        if ready:
            try:
                self.said += os.read(self._master, 65536).decode("utf-8", "replace")
            except OSError:  # the way Linux says that the other end has closed
                return False
        return bool(ready)

    def type(self, text: str) -> None:
        self.said = ""
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, once the program waits; again should it have fallen just before the reading."""
        for _attempt in range(3):
            while self._hears(0.3):
                pass
            self.type("\x03")
            while self.program.poll() is None and self._hears(4):
                if self.said.strip("^C\r\n"):
                    return
            if self.program.poll() is not None:
                return

    def status(self) -> int:
        while self._hears(30):
            pass
        os.close(self._master)
        return self.program.wait(30)


def test_ctrl_c_keeps_a_draft_and_resume_goes_on_from_it(tmp_path):
    first = Terminal(("dca",), tmp_path)
    first.until("qty_inicial [300]: ")
    first.type("250\n")
    first.until("multiplicador_qty [1.02]: ")
    first.interrupt()
    first.until("absolute dca --resume dca-draft.json")
    assert first.status() == 130
    assert load_draft(tmp_path / "dca-draft.json") == {"qty_inicial": 250}

    second = Terminal(("dca", "--resume", "dca-draft.json"), tmp_path)
    second.until("multiplicador_qty [1.02]: ")
    second.type("!\n")
    second.until("salvar_estrategia (s/n) [s]: ")
    second.type("s\n")
    second.until("[estrategia.js]: ")
    second.type("mine\n")
    second.until("executar_estrategia (s/n) [s]: ")
    second.type("n\n")
    second.until("configurar_nova_estrategia (s/n) [s]: ")
    second.type("n\n")
    assert second.status() == 0
    assert load_strategy(tmp_path / "mine.js") == ladder_config({"qty_inicial": 250})


def test_ctrl_c_before_the_first_answer_leaves_no_draft(tmp_path):
    terminal = Terminal(("dca",), tmp_path)
    terminal.until("qty_inicial [300]: ")
    terminal.interrupt()
    assert terminal.status() == 130
    assert not list(tmp_path.iterdir())
