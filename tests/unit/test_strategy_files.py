"""Strategy files: three forms, one ladder; strict reading, whole writing, problems with lines."""

import json
import subprocess
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from absolute.desk.strategy_files import (
    SIZE_MAX,
    SUFFIXES,
    load_draft,
    load_strategy,
    save_draft,
    save_strategy,
)
from absolute.domain.errors import UserError
from absolute.strategies.ladder_plan import LadderConfig, ladder_config
from absolute.strategies.ladder_reading import Setting

OURS = ladder_config(
    {
        "qty_inicial": "123.45678901",
        "multiplicador_qty": "1.000000000001",
        "lucro_reaplicar": "n",
        "target_mode": "net",
        "shape": "power",
        "curvatura": "1.5",
        "rung_timeout_s": 60,
        "on_exit_partial": "keep",
    }
)


def refused(path) -> UserError:
    with pytest.raises(UserError) as caught:
        load_strategy(path)
    return caught.value


def written(tmp_path, text: str, name: str = "a.json"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".JS"])
@pytest.mark.parametrize("config", [LadderConfig(), OURS])
def test_every_form_loads_back_equal(tmp_path, suffix, config):
    path = tmp_path / f"ladder{suffix}"
    save_strategy(path, config)
    assert load_strategy(path) == config
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    size=st.decimals(Decimal("0.00000001"), Decimal(10**12), places=8),
    factor=st.decimals(Decimal("0.000000000001"), Decimal(1000), places=12),
    fee=st.decimals(Decimal(0), Decimal("0.05"), places=12),
    suffix=st.sampled_from(SUFFIXES),
)
def test_no_digit_is_lost_on_the_way(tmp_path, size, factor, fee, suffix):
    config = ladder_config(
        {
            "qty_inicial": size,
            "qty_minima": size,
            "qty_maxima": size,
            "multiplicador_qty": factor,
            "taxa": fee,
            "saldo_limite": 0,
        }
    )
    path = tmp_path / f"ladder{suffix}"
    save_strategy(path, config, force=True)
    assert load_strategy(path) == config


def test_a_js_file_is_one_assignment_of_json_with_numbers_as_numbers(tmp_path):
    path = tmp_path / "estrategia.js"
    save_strategy(path, LadderConfig())
    head, _, body = path.read_text(encoding="utf-8").partition("module.exports = ")
    assert head.startswith("//")
    values = json.loads(body.rstrip().removesuffix(";"))
    assert values["schema"] == "absolute.ladder/1"
    assert values["qty_inicial"] == 300
    assert values["lucro_reaplicar"] is True


def test_node_reads_what_we_wrote(tmp_path):
    path = tmp_path / "estrategia.js"
    save_strategy(path, LadderConfig())
    script = f"console.log(require({json.dumps(str(path))}).multiplicador_qty)"
    try:
        done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("node is not installed here")
    assert done.stdout.strip() == "1.02"


@pytest.mark.parametrize(
    "text",
    [
        '{"qty_inicial": 100}',
        '\ufeffmodule.exports = {"qty_inicial": 100};',
        '// note\n/* more\n */ module.exports={"qty_inicial": 100} ; // end',
        'export default {"qty_inicial": 100}',
        'const estrategia = {"qty_inicial": 100};\n',
        '{"schema": "absolute.ladder/1", "qty_inicial": "100"}',
    ],
)
def test_a_js_file_may_have_comments_and_one_assignment(tmp_path, text):
    assert load_strategy(written(tmp_path, text, "a.js")) == ladder_config({"qty_inicial": 100})


@pytest.mark.parametrize(
    "text",
    [
        "module.exports = {qty_inicial: 100};",
        'module.exports = {"qty_inicial": 50 * 2};',
        'require("fs"); module.exports = {"qty_inicial": 100};',
        'module.exports = {"qty_inicial": 100}; process.exit(1)',
        'module.exports = {"qty_inicial": 100};;',
        'a = b = {"qty_inicial": 100}',
        "[1, 2]",
        "",
        "/* open",
        '{"qty_inicial": NaN}',
    ],
)
def test_anything_that_would_have_to_run_is_refused(tmp_path, text):
    assert refused(written(tmp_path, text, "a.js")).code == "STRATEGY_FILE_SYNTAX"


def test_a_json_file_may_not_have_what_only_js_has(tmp_path):
    assert refused(written(tmp_path, "// x\n{}")).code == "STRATEGY_FILE_SYNTAX"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.json", '{\n  "taxa": 0.001,\n  "qty_inicial" 5\n}', 3),
        ("a.js", '// x\nmodule.exports = {\n  "taxa": 0.001\n  "qty_inicial": 5\n}', 4),
        ("a.yaml", "taxa: 0.001\nqty_inicial: [1, 2]\n", 2),
        ("a.yaml", "taxa: 0.001\nqty_inicial: {a: b\n", 3),
        ("a.yaml", "- 1\n", 1),
        ("a.yaml", "", 1),
        ("a.yaml", "a: &x 1\n---\nb: 2\n", 2),
    ],
)
def test_bad_text_is_told_with_its_line(tmp_path, name, text, line):
    path = written(tmp_path, text, name)
    fault = refused(path)
    assert fault.code == "STRATEGY_FILE_SYNTAX"
    assert fault.message.startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{\n"qty_inicial": -1,\n"moon": 2,\n"taxa": "x",\n"lucro_alvo_máximo": 0.01\n}'),
        ("a.yaml", "\nqty_inicial: -1\nmoon: 2\ntaxa: x\nlucro_alvo_máximo: 0.01\n"),
    ],
)
def test_every_problem_is_told_at_once_with_its_line(tmp_path, name, text):
    path = written(tmp_path, text, name)
    fault = refused(path)
    assert fault.code == "LADDER_INVALID"
    assert [line.partition(" ")[0] for line in fault.message.split("\n")] == [
        f"{path}:2:",
        f"{path}:3:",
        f"{path}:4:",
        f"{path}:5:",  # its clamp is what the file sets too low for the seed's target
    ]


def test_a_single_problem_keeps_its_own_code(tmp_path):
    fault = refused(written(tmp_path, "limite_recompras: 1e3000\n", "a.yaml"))
    assert fault.code == "LADDER_NOT_A_NUMBER"


def test_yaml_keeps_its_words_and_numbers_as_they_are_written(tmp_path):
    text = "lucro_reaplicar: no\nlucro_alvo_inicial: 4%\nrung_timeout_s: null\nqty_inicial: 0300\n"
    config = load_strategy(written(tmp_path, text, "a.yml"))
    assert config == ladder_config({"lucro_reaplicar": False, "lucro_alvo_inicial": "0.04"})


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '{"taxa": 0, "taxa": 0.01}'), ("a.yaml", "taxa: 0\ntaxa: 0.01\n")],
)
def test_a_name_written_twice_is_refused(tmp_path, name, text):
    assert refused(written(tmp_path, text, name)).code == "STRATEGY_FILE_DUPLICATE"


@pytest.mark.parametrize("schema", ['"absolute.ladder/2"', "7", '"absolute.ladder-draft/1"'])
def test_another_schema_is_refused(tmp_path, schema):
    fault = refused(written(tmp_path, f'{{"schema": {schema}}}'))
    assert fault.code == "STRATEGY_FILE_SCHEMA"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"{}", "STRATEGY_FILE_SUFFIX"),
        ("a.json", b"\xff\xfe{", "STRATEGY_FILE_ENCODING"),
        ("a.json", b" " * (SIZE_MAX + 1), "STRATEGY_FILE_TOO_LARGE"),
        ("a.json", b"[" * 60_000, "STRATEGY_FILE_SYNTAX"),
        ("a.yaml", b"[" * 60_000, "STRATEGY_FILE_SYNTAX"),
        ("a.yaml", b"taxa: !!python/object:os.system 0", "STRATEGY_FILE_SYNTAX"),
        ("a.yaml", b"a: \x00", "STRATEGY_FILE_SYNTAX"),
        ("a.js", b"/**/" * 15_000 + b"x", "STRATEGY_FILE_SYNTAX"),
    ],
)
def test_hostile_files_end_in_one_sentence(tmp_path, name, data, code):
    path = tmp_path / name
    path.write_bytes(data)
    assert refused(path).code == code


def test_a_missing_file_is_named(tmp_path):
    assert refused(tmp_path / "none.json").code == "STRATEGY_FILE_MISSING"
    assert refused(tmp_path / "folder.json" / "x.json").code == "STRATEGY_FILE_MISSING"


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = written(tmp_path, "precious")
    with pytest.raises(UserError) as caught:
        save_strategy(path, LadderConfig())
    assert caught.value.code == "STRATEGY_FILE_EXISTS"
    assert path.read_text(encoding="utf-8") == "precious"
    save_strategy(path, LadderConfig(), force=True)
    assert load_strategy(path) == LadderConfig()


@pytest.mark.parametrize("name", ["none/a.json", "file/a.json"])
def test_a_place_that_cannot_be_written_is_a_users_error_and_leaves_nothing(tmp_path, name):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        save_strategy(tmp_path / name, LadderConfig())
    assert caught.value.code == "STRATEGY_FILE_WRITE"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_way_is_kept_even_when_forced(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError) as caught:
        save_strategy(tmp_path / "a.json", LadderConfig(), force=True)
    assert caught.value.code == "STRATEGY_FILE_WRITE"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_draft_keeps_a_part_of_the_answers(tmp_path):
    path = tmp_path / "draft.json"
    answers: dict[str, Setting] = {
        "qty_inicial": Decimal(1000),
        "lucro_reaplicar": False,
        "limite_recompras": 3,
    }
    save_draft(path, answers)
    save_draft(path, answers)
    assert load_draft(path) == answers
    assert refused(path).code == "STRATEGY_FILE_SCHEMA"


def test_a_broken_draft_is_told_with_its_line(tmp_path):
    path = written(tmp_path, '{\n"schema": "absolute.ladder-draft/1",\n"taxa": "x"}')
    with pytest.raises(UserError, match=":3: taxa = x"):
        load_draft(path)
