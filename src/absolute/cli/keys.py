"""Owns the words of `absolute keys`: keep, list, test, forget and renew the keys of the venues.

A key is read from the terminal or from standard input, never from the command line, where every
program on the machine could see it. It must not know how a key is kept.
"""

import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.output import print_json
from absolute.desk.language import _
from absolute.domain.errors import UserError

if TYPE_CHECKING:
    from absolute.desk.keys import KeyDesk

app = typer.Typer(
    help=_("Keep the keys of the venues, encrypted with a password."),
    rich_markup_mode=None,
    add_completion=False,
)

WITH_PASSPHRASE: Final = frozenset({"coinbaseexchange", "kucoin", "okx", "bitget"})
KEY_CHARS_MAX: Final = 10_000

_Profile = Annotated[
    str, typer.Argument(metavar="VENUE:WORLD", help=_("Where the key was made: bybit:demo ..."))
]
_Account = Annotated[str, typer.Option(help=_("A name of your own, where you have several."))]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]


@app.callback()
def prepare() -> None:
    """Take the settings of `.env`, where there is one."""
    from absolute.desk.dotenv import load_dotenv

    load_dotenv(Path.cwd(), os.environ)


@app.command(help=_("Keep a key; it is asked for, or read from standard input."))
def add(
    profile: _Profile,
    account: _Account = "default",
    replace: Annotated[
        bool, typer.Option("--replace", help=_("Put it in the place of the key that is there."))
    ] = False,
    as_json: _Json = False,
) -> None:
    """Read the parts of a key and put them into the vault."""
    from absolute.desk.keys import place_of

    place, lines = place_of(profile, account), _lines()
    desk = _desk(lines, at_once=True)
    key = _ask(lines, _("Key: "), hidden=False)
    secret = _ask(lines, _("Secret (not shown): ")).replace("\\n", "\n")
    phrase = _ask_perhaps(lines, place.venue)
    if not key or not secret:
        raise UserError("KEY_EMPTY", _("A key and its secret cannot be empty; nothing was kept."))
    added = desk.keep(place, (key, secret, phrase), replace=replace)
    if as_json:
        print_json({"added": added})
    else:
        message = _("Kept: {place}, fingerprint {fingerprint}.")
        print(message.format(place=place.name, fingerprint=added["fingerprint"]))
        print(_("Next: absolute keys test {profile}").format(profile=place.profile))


@app.command("list", help=_("Show which keys there are; needs no password."))
def list_(as_json: _Json = False) -> None:
    """Show places and fingerprints."""
    from absolute.desk.keys import key_desk

    rows = key_desk().rows()
    if as_json:
        print_json({"keys": rows})
        return
    if not rows:
        print(_("No keys are kept yet; add one with: absolute keys add VENUE:WORLD"))
    for row in rows:
        print(f"{row['profile']:<20} {row['account']:<12} {row['fingerprint']}****  {row['added']}")


@app.command(help=_("Ask the venue what a key may do; refuses one that can withdraw."))
def test(
    profile: _Profile,
    account: _Account = "default",
    box: Annotated[bool, typer.Option("--box", help=_("Ask the exchange in the box."))] = False,
    as_json: _Json = False,
) -> None:
    """Sign one harmless question with a key."""
    from absolute.desk.box_state import read_state
    from absolute.desk.keys import place_of

    place = place_of(profile, account)
    address = read_state().address if box else None
    found, facts = _desk(_lines()).test(place, address)
    if as_json:
        print_json({"profile": facts.profile, "source": found.source, "trades": facts.trades,
                    "withdraws": facts.withdraws, "ip_bound": facts.ip_bound,
                    "warnings": list(facts.warnings)})  # fmt: skip
        return
    message = _("{place}: the key from {source} works.")
    print(message.format(place=place.name, source=found.source))
    for warning in facts.warnings:
        print(f"  {warning}: {_WARNINGS.get(warning, warning)}")


@app.command(help=_("Forget a key."))
def remove(profile: _Profile, account: _Account = "default", as_json: _Json = False) -> None:
    """Take a key out of the vault and of its backup."""
    from absolute.desk.keys import place_of

    place = place_of(profile, account)
    _desk(_lines()).remove(place)
    if as_json:
        print_json({"removed": place.name})
    else:
        print(_("Forgotten: {place}. Delete it at the venue, too.").format(place=place.name))


@app.command(help=_("Encrypt every key anew."))
def rotate(as_json: _Json = False) -> None:
    """Draw a new data key and encrypt everything under it."""
    desk = _desk(_lines())
    desk.rotate()
    _told({"rotated": len(desk.rows())}, _("Every key is encrypted anew."), as_json=as_json)


@app.command(help=_("Change the password of the vault."))
def passwd(as_json: _Json = False) -> None:
    """Wrap the data key under another password."""
    lines = _lines()
    _desk(lines).change_password(lambda: _new_password(lines))
    _told({"changed": True}, _("The vault has its new password."), as_json=as_json)


@app.command(help=_("Let the keyring of the system open the vault: on, or off."))
def unattended(
    switch: Annotated[str, typer.Argument(metavar="on|off", help=_("Allow it, or no longer."))],
    as_json: _Json = False,
) -> None:
    """Allow a start without a person, or take it back."""
    if switch not in {"on", "off"}:
        raise UserError("USAGE", _("Write on or off."))
    _desk(_lines()).allow_unattended(allowed=switch == "on")
    sentence = _("The keyring opens the vault.") if switch == "on" else _("Only the password does.")
    _told({"unattended": switch == "on"}, sentence, as_json=as_json)


_WARNINGS: Final = {
    "PERMISSIONS_UNKNOWN": _("this venue does not say what a key may do; look there yourself."),
    "NO_IP_RESTRICTION": _("it works from any address; bind it to yours at the venue."),
    "CANNOT_TRADE": _("it can only read; a bot needs one that can trade."),
}


def _told(answer: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print(sentence)


def _lines() -> Iterator[str] | None:
    """The lines of standard input where nobody sits: the password first, then what is asked."""
    if sys.stdin.isatty():
        return None
    return iter(lambda: sys.stdin.readline(KEY_CHARS_MAX), "")


def _desk(lines: Iterator[str] | None, *, at_once: bool = False) -> "KeyDesk":
    """The keys of this user, with the password from a file, the terminal, or the next line.

    `at_once`: that line is read now, since others follow it.
    """
    from absolute.desk.keys import key_desk, vault_path

    if os.environ.get("VAULT_PASSWORD_FILE"):
        return key_desk()
    if lines is None:
        return key_desk() if vault_path().exists() else key_desk(lambda: _new_password(None))
    if at_once:
        password = _ask(lines, "")
        return key_desk(lambda: password)
    return key_desk(lambda: _ask(lines, ""))


def _new_password(lines: Iterator[str] | None) -> str:
    """A new password; typed twice where it is typed."""
    first = _ask(lines, _("New password of the vault, 12 characters or more: "))
    if lines is None and _ask(None, _("The same again: ")) != first:
        raise UserError("PASSWORDS_DIFFER", _("The two passwords differ; nothing was changed."))
    return first


def _ask(lines: Iterator[str] | None, question: str, *, hidden: bool = True) -> str:
    """One answer, from the next line of standard input or from the terminal."""
    if lines is not None:
        line = next(lines, None)
        if line is None:
            raise typer.Abort
        return line.rstrip("\r\n")
    try:
        return getpass.getpass(question) if hidden else input(question).strip()
    except EOFError as fault:
        raise typer.Abort from fault


def _ask_perhaps(lines: Iterator[str] | None, venue: str) -> str:
    """The passphrase, where the venue has one, or where a further line gives it."""
    if lines is not None:
        return next(lines, "").rstrip("\r\n")
    return _ask(None, _("Passphrase (not shown): ")) if venue in WITH_PASSPHRASE else ""
