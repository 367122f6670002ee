"""Owns the course of the ladder menu, items 1 to 10 of seed 002, on a terminal or from a pipe.

Enter takes what stands in brackets, `?` explains, `<` goes back, `!` takes all the rest. An answer
that cannot be used is explained and asked again. It must not know what an item means (dca_items),
how a ladder is reckoned, written to a file or run.
"""

import sys
from pathlib import Path
from typing import Final

from absolute.cli.dca_items import (
    ITEMS,
    Item,
    check_answers,
    echo,
    explanation,
    proposal,
    read_answer,
    typed,
)
from absolute.cli.dca_table import print_ladder
from absolute.desk.language import _, current_language
from absolute.desk.strategy_files import SUFFIXES, load_draft, save_draft, save_strategy
from absolute.domain.errors import UserError
from absolute.strategies.ladder_plan import LadderConfig, LadderRefused, ladder_config
from absolute.strategies.ladder_reading import NO, YES, Setting

DRAFT: Final = Path("dca-draft.json")
ANSWERS_MAX: Final = 500
"""A pipe that never says anything usable ends here instead of never."""

_HELP, _BACK, _REST = "?", "<", "!"
_SAVE, _RUN, _NEW = len(ITEMS), len(ITEMS) + 1, len(ITEMS) + 2


def run_menu(draft: Path | None = None) -> LadderConfig | None:
    """Ask everything; the ladder to run, or None when the person leaves without running one.

    Raises UserError when the input ends early; on Ctrl-C keeps a draft and lets it pass.
    """
    menu = _Menu({} if draft is None else load_draft(draft))
    print(_("Enter takes what stands in brackets, ? explains, < goes back, ! takes all the rest."))
    try:
        return menu.run()
    except KeyboardInterrupt:
        menu.keep_draft()
        raise


class _Menu:
    """Where the conversation stands: the step, the answers, and whether the rest is taken."""

    def __init__(self, answers: dict[str, Setting]) -> None:
        self._answers = answers
        self._step = next((k for k, item in enumerate(ITEMS) if item.name not in answers), _SAVE)
        self._take_rest = False
        self._asked = 0
        self._language = current_language()

    def run(self) -> LadderConfig | None:
        """Walk the steps until a ladder is to be run or the person leaves."""
        while self._step <= _NEW:
            if self._step < _SAVE:
                self._ask_item(ITEMS[self._step])
            elif self._step == _SAVE:
                self._offer_save()
            elif self._step == _RUN:
                if self._decide("9", "executar_estrategia", _("Runs the strategy on paper.")):
                    return ladder_config(self._answers)
            elif self._decide("10", "configurar_nova_estrategia", _("Starts with a new strategy.")):
                self._answers, self._step = {}, 0
        print(_("Nothing was run."))
        return None

    def keep_draft(self) -> None:
        """Write down what was answered and say how to go on."""
        answered = {item.name: self._answers[item.name] for item in ITEMS[: min(self._step, _SAVE)]}
        if answered:
            save_draft(DRAFT, answered)
            print(
                "\n" + _("Draft kept; go on with: absolute dca --resume {file}").format(file=DRAFT)
            )

    def _ask_item(self, item: Item) -> None:
        """One of items 1 to 6: forward with an answer, or back, or explained and asked again."""
        proposed = proposal(item.name, self._answers)
        bracket = typed(proposed, self._language)
        answer = (
            "" if self._take_rest else self._read(f"Item {item.number} · {item.name} [{bracket}]: ")
        )
        if answer == _HELP:
            print("  " + explanation(item, self._language))
        elif answer == _BACK:
            self._back()
        else:
            self._take_rest = self._take_rest or answer == _REST
            self._accept(item, proposed, "" if answer == _REST else answer)
            self._take_rest = self._take_rest and self._step < _SAVE

    def _accept(self, item: Item, proposed: Setting, answer: str) -> None:
        """Take the answer and go on, or say what is wrong with it and stay."""
        name = item.name
        before = {each.name: self._answers[each.name] for each in ITEMS[: self._step]}
        try:
            value = read_answer(name, answer, self._language) if answer else proposed
            check_answers({**before, name: value})
        except UserError as fault:
            self._complain(fault)
            self._take_rest = False
        else:
            self._answers[name] = value
            self._step += 1
            print(f"  {name} = {echo(name, value, self._language)}")

    def _offer_save(self) -> None:
        """Item 7, the ladder as it now stands, and item 8, a file for it."""
        config = ladder_config(self._answers)
        print("Item 7 · imprimir_estrategia")
        print_ladder(config)
        while self._decide("8", "salvar_estrategia", _("Saves the strategy to a file.")):
            proposed = _free_name()
            answer = self._read(_("Name of the file [{name}]: ").format(name=proposed))
            if answer == _BACK:
                continue
            try:
                path = _strategy_path(answer or proposed)
                save_strategy(path, config)
            except UserError as fault:
                self._complain(fault)
            else:
                print("  " + _("Saved: {file}").format(file=path))
                self._step = _RUN
                return

    def _decide(self, number: str, name: str, meaning: str) -> bool:
        """A question of yes (true) or no (one step on) whose default is yes; `<` is a step back."""
        while True:
            answer = self._read(f"Item {number} · {name} (s/n) [s]: ").lower()
            if answer in ("", _REST) or answer in YES:
                return True
            if answer == _BACK or answer in NO:
                self._step += -1 if answer == _BACK else 1
                return False
            print("  " + (meaning if answer == _HELP else _("Write s for yes or n for no.")))

    def _back(self) -> None:
        if self._step:
            self._step -= 1
        else:
            print("  " + _("This is the first item."))

    def _read(self, prompt: str) -> str:
        """One line without its blanks; what came from a pipe is shown as if it had been typed."""
        self._asked += 1
        if self._asked > ANSWERS_MAX:
            message = _("{limit} answers were given and no strategy came of them; start again.")
            raise UserError("MENU_TOO_MANY_ANSWERS", message.format(limit=ANSWERS_MAX))
        try:
            answer = input(prompt).strip()
        except EOFError:
            print()
            message = _("The input ended at {question}; nothing was run. Start again to go on.")
            question = prompt.partition(" [")[0]
            raise UserError("MENU_INPUT_ENDED", message.format(question=question)) from None
        except UnicodeDecodeError:
            message = _("The answer is not text this terminal can read; use UTF-8.")
            raise UserError("MENU_INPUT_INVALID", message) from None
        if not sys.stdin.isatty():
            print(answer)
        return answer

    def _complain(self, fault: UserError) -> None:
        """Say what is wrong, every problem on its own line, in the language spoken."""
        if isinstance(fault, LadderRefused):
            for problem in fault.problems:
                print("  " + problem.text(_))
        else:
            print("  " + fault.message)


def _free_name() -> str:
    """The first of estrategia.js, estrategia-2.js, ... that is not taken."""
    names = ("estrategia.js", *(f"estrategia-{k}.js" for k in range(2, 1000)))
    return next((name for name in names if not Path(name).exists()), names[0])


def _strategy_path(name: str) -> Path:
    """The file a person named, `.js` where no kind was written."""
    if not name.isprintable():
        raise UserError(
            "MENU_NAME", _("The name holds characters no file can have; write another.")
        )
    path = Path(name)
    return path if path.suffix.lower() in SUFFIXES else path.with_name(f"{path.name}.js")
