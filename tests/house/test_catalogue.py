"""Every sentence a person reads is in the catalogue of every other language, and nothing else is.

Texts are found where they are written: in `_("...")`, `mark("...")` and `plural("...", "...", n)`,
in the templates, and in the errors of the user raised where no language is known.
"""

import ast
import re
import string

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from tests.house.tree import SOURCE, dotted, modules

CATALOGUES = sorted((SOURCE / "locale").glob("*.po"))
MARKS = {"_", "mark", "translate", "gettext"}

# Speaking rooms translate on the spot; the rooms below hand finished English to the door.
SPEAKING = ("cli/", "desk/", "api/", "dashboard/")


def _placeholders(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def _texts(tree: ast.Module, *, is_speaking: bool) -> dict[str, int]:
    """Every text of a module that people read, with its line."""
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func).rpartition(".")[2]
        text = None
        if (name in MARKS and len(node.args) == 1) or (name == "plural" and len(node.args) == 3):
            text = _written(node.args[0])
        elif name == "UserError" and len(node.args) == 2 and not is_speaking:
            text = _written(node.args[1])
        if text is not None:
            found[text] = node.lineno
    return found


def _written(node: ast.expr) -> str | None:
    """The text as it is looked up; a value in an f-string becomes a placeholder with its name."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text
        case ast.JoinedStr():
            return "".join(_piece(each, number) for number, each in enumerate(node.values))
        case _:
            return None


def _piece(node: ast.expr, number: int) -> str:
    if isinstance(node, ast.FormattedValue):
        name = dotted(node.value).rpartition(".")[2]
        return f"{{{name or f'value{number}'}}}"
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _template_texts() -> dict[str, str]:
    reader = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    extract = vars(reader)["extract_translations"]  # the extension hangs it there, without a type
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.j2")) + sorted(SOURCE.rglob("*.html")):
        for line, _, message in extract(path.read_text("utf-8")):
            text = message if isinstance(message, str) else message[0]
            found[text] = f"{path.name}:{line}"
    return found


def _spoken() -> dict[str, str]:
    """Every text of the program with the place it stands at."""
    found = {
        text: f"{path}:{line}"
        for path, tree in modules().items()
        for text, line in _texts(tree, is_speaking=path.startswith(SPEAKING)).items()
    }
    return found | _template_texts()


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.stem)
def catalogue(request):
    with request.param.open("rb") as file:
        return read_po(file, locale=request.param.stem)


def test_there_is_a_portuguese_catalogue():
    assert "pt_BR" in [path.stem for path in CATALOGUES]


def test_every_text_is_translated(catalogue):
    known = {_key(message) for message in catalogue if message.id and message.string}
    missing = [f"{place}: {text!r}" for text, place in _spoken().items() if text not in known]
    assert not missing, f"{len(missing)} missing\n" + "\n".join(sorted(missing))


def test_no_translation_is_left_over(catalogue):
    spoken = _spoken()
    unused = [_key(message) for message in catalogue if message.id and _key(message) not in spoken]
    assert not unused, "\n".join(unused)
    assert not catalogue.obsolete


def test_no_translation_is_a_guess(catalogue):
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


def test_translations_have_the_same_placeholders(catalogue):
    wrong = []
    for message in catalogue:
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        targets = message.string if isinstance(message.string, tuple) else (message.string,)
        expected = set().union(*(_placeholders(text) for text in sources))
        wrong += [text for text in targets if message.id and _placeholders(text) - expected]
        wrong += [targets[-1]] if message.id and expected - _placeholders(targets[-1]) else []
    assert not wrong, "\n".join(wrong)


def test_no_text_is_glued_together_before_it_is_looked_up():
    glued = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func) in MARKS
        and node.args
        and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    ]
    assert not glued, "\n".join(glued)


def test_the_search_finds_what_is_written():
    tree = ast.parse(
        '_("one")\nwords.translate("two {x}").format(x=1)\nplural("a day", "{n} days", n)\n'
        'raise UserError("CODE", f"row {row} of {self.path} holds {len(x)}")'
    )
    expected = {"one", "two {x}", "a day", "row {row} of {path} holds {value5}"}
    assert set(_texts(tree, is_speaking=False)) == expected


def _key(message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else message.id


def test_markup_does_not_differ(catalogue):
    """Line breaks at the ends and tags are layout, and the layout is the same in every language."""
    shape = re.compile(r"^\n+|\n+$|<[^>]+>")
    wrong = [
        message.id
        for message in catalogue
        if isinstance(message.id, str) and message.id
        if shape.findall(message.id) != shape.findall(message.string)
    ]
    assert not wrong
