"""Owns the single door of the terminal: words in, one exit status out.

Every command lives in a module of its own that is imported only when it is called. Mistakes of the
user become one sentence and status 2 here, and nowhere else; anything unexpected is not caught, so
that it shows its whole story and ends with status 1.

It must not know what any command does.
"""

import os
import platform
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from absolute import __version__
from absolute.cli.output import UNSEEN, called_as, print_json
from absolute.desk.language import _, choose_language, mark, set_language, translate_sentence
from absolute.domain.errors import UserError

DONE, UNEXPECTED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
CONTROLS = {code: shown for code, shown in UNSEEN.items() if chr(code) not in "\n\t"}
"""A sentence may quote a venue or a file: what would move the cursor is shown instead."""

# name, where its typer application is, one line for the list
Commands = Sequence[tuple[str, str, str]]
COMMANDS: Commands = (
    ("demo", "absolute.cli.demo:app", mark("Watch the ladder trade on a built-in market.")),
    ("dca", "absolute.cli.dca:app", mark("Plan, save and run a DCA ladder; alone: the menu.")),
    ("backtest", "absolute.cli.backtest:app", mark("Run a strategy over past market data.")),
    ("run", "absolute.cli.run:app", mark("Run a ladder: live, in the box, or on paper.")),
    ("status", "absolute.cli.status:app", mark("Show every run and what it asks.")),
    ("recover", "absolute.cli.run:recover_app", mark("Bring a run in order with its venue.")),
    ("exchange", "absolute.cli.exchange:app", mark("Serve the exchange in the box.")),
    ("keys", "absolute.cli.keys:app", mark("Keep API keys, encrypted.")),
    ("logs", "absolute.cli.logs:app", mark("Tell the story of an order, a deal or a run.")),
    ("parity", "absolute.cli.parity:app", mark("Split what a run and its back-test differ by.")),
    ("powertrader", "absolute.cli.powertrader:app", mark("Plan and back-test PowerTrader levels.")),
    ("storm", "absolute.cli.storm:app", mark("Try to break it: faults by seed, real kills.")),
    ("data", "absolute.cli.data:app", mark("Audit market data, or make some.")),
    ("bench", "absolute.cli.bench:app", mark("Measure the speed, beside other programs.")),
    ("test", "absolute.cli.develop:test_app", mark("Run the whole test suite.")),
    ("check", "absolute.cli.develop:check_app", mark("Run the linters, types and house rules.")),
)

# Sentences the command-line library makes; here so that the catalogue has them.
LIBRARY_SENTENCES = (
    mark("No such command {name}."),
    mark("No such command {name}. Did you mean {guess}?"),
    mark("No such option: {name}"),
    mark("No such option: {name}. Did you mean {guess}?"),
    mark("Missing command."),
    mark("Missing argument {name}."),
    mark("Missing option {name}."),
    mark("Option {name} requires an argument."),
    mark("Option {name} does not take a value."),
    mark("Got unexpected extra argument(s) ({words})"),
    mark("Invalid value for {name}: {reason}"),
    mark("{value} is not one of {choices}."),
    mark("file {path} does not exist."),
    mark("file {path} is a directory."),
    mark("directory {path} does not exist."),
    mark("directory {path} is a file."),
    mark("path {path} does not exist."),
    mark("Input should be a valid integer, unable to parse string as an integer"),
    mark("Input should be a valid number, unable to parse string as a number"),
    mark("Input should be less than or equal to {limit}"),
    mark("Input should be less than {limit}"),
    mark("Input should be greater than or equal to {limit}"),
    mark("Input should be greater than {limit}"),
    mark("Input should be a valid datetime or date, {reason}"),
)


class Elsewhere(TyperCommand):
    """Stands in the list for a command whose module has not been imported yet."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._place = place

    def fetch(self) -> Any:  # noqa: ANN401 the library keeps this type private
        module_name, attribute = self._place.split(":")
        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            message = _("The command {name} is not part of this installation.")
            raise UserError("COMMAND_MISSING", message.format(name=self.name)) from error
        application: typer.Typer = getattr(module, attribute)
        application.rich_markup_mode = None  # one plain style of help everywhere
        command = typer.main.get_command(application)
        command.name = self.name
        return command


class Root(TyperGroup):
    """The group of all commands, which imports a command only when it is called."""

    def resolve_command(  # the library keeps two of these types private
        self,
        ctx: Any,  # noqa: ANN401
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.fetch() if isinstance(command, Elsewhere) else command, rest


def run(arguments: Sequence[str] | None = None) -> None:
    """The console command: runs `arguments`, by default those of the process, and exits."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(status_of(words))


def status_of(words: Sequence[str], *, commands: Commands = COMMANDS) -> int:
    """Runs one command line and gives its exit status."""
    as_json = "--json" in words
    try:
        words = _take_language(words)
        result = root_command(commands).main(
            args=words, prog_name=called_as(), standalone_mode=False
        )
        sys.stdout.flush()
    except UserError as error:
        return _mistake(error.code, translate_sentence(error.message), as_json=as_json)
    except TyperException as error:
        return _mistake("USAGE", _usage_sentence(error), as_json=as_json)
    except typer.Abort:
        message = _("The input ended before every question was answered.")
        return _mistake("INPUT_ENDED", message, as_json=as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on. Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNEXPECTED
    return result if isinstance(result, int) else DONE


def root_command(commands: Commands = COMMANDS) -> Root:
    """The root command, built when the language is known, since its help is translated."""
    application = typer.Typer(
        name="absolute",
        cls=Root,
        help=_("Trade crypto with rules: research, back-test, rehearse, run."),
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @application.callback(invoke_without_command=True)
    def root(
        ctx: typer.Context,
        lang: str = typer.Option(None, "--lang", metavar="TAG", help=_("Language: en or pt-BR.")),
        version: bool = typer.Option(False, "--version", help=_("Show the version and exit.")),
    ) -> None:
        del lang  # taken before anything was built
        if version:
            python = f"Python {platform.python_version()}"
            print(f"absolute {__version__}, {python}, {platform.platform(terse=True)}")
        elif ctx.invoked_subcommand is None:
            print(ctx.get_help())

    group = typer.main.get_command(application)
    assert isinstance(group, Root)
    for name, place, summary in commands:
        group.add_command(Elsewhere(name, place, _(summary)))
    return group


def _take_language(words: Sequence[str]) -> list[str]:
    """Sets the language, from `--lang TAG` wherever it stands, and gives the words without it."""
    kept: list[str] = []
    asked: str | None = None
    rest = iter(words)
    for word in rest:
        if word == "--":
            kept += [word, *rest]
        elif word == "--lang":
            asked = next(rest, None)
            if asked is None:
                raise UserError("USAGE", _("--lang needs a language: en or pt-BR."))
        elif word.startswith("--lang="):
            asked = word.removeprefix("--lang=")
        else:
            kept.append(word)
    set_language(choose_language(asked, os.environ))
    return kept


def _usage_sentence(error: TyperException) -> str:
    """The library's message as one line, with its guess in the words used everywhere."""
    sentence = " ".join(error.format_message().split()).replace("Value error, ", "")
    guess = re.fullmatch(r"(?P<said>.*) \(Possible options: (?P<guess>.*)\)", sentence)
    if guess:
        sentence = f"{guess['said']}. Did you mean {guess['guess']}?"
    return translate_sentence(sentence)


def _mistake(code: str, message: str, *, as_json: bool) -> int:
    print(f"absolute: {message.translate(CONTROLS)}", file=sys.stderr)
    if as_json:
        print_json({"error": code, "message": message})
    return MISTAKE
