"""Owns the words of `absolute storm`: how many schedules or kills, what broke, how to see it."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.output import called_as, print_json, progress
from absolute.desk.language import _, format_amount
from absolute.domain.errors import UserError

if TYPE_CHECKING:
    from absolute.desk.storm import Campaign

app = typer.Typer(rich_markup_mode=None, add_completion=False)

HARM: Final = ("lost_fills", "double_orders", "orphans", "wrong_money", "unsettled", "failed")
"""What a campaign of kills must not have done; the first three are told to people."""

_Schedules = Annotated[
    int, typer.Option("--schedules", min=1, help=_("How many seeded storms to play."))
]
_Seed = Annotated[int, typer.Option("--seed", min=0, help=_("The first seed; the rest follow."))]
_Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help=_("How many cores to use; all by default."))
]
_Replay = Annotated[
    int | None,
    typer.Option("--replay", metavar="SEED", min=0, help=_("Play one seed and tell every event.")),
]
_Kills = Annotated[
    int | None,
    typer.Option("--kills", min=1, help=_("Kill this many real bots against the box instead.")),
]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]


@app.command(help=_("Try to break the live path: seeded storms, or real kills."))
def storm(
    schedules: _Schedules = 1_000,
    seed: _Seed = 0,
    jobs: _Jobs = None,
    replay: _Replay = None,
    kills: _Kills = None,
    as_json: _Json = False,
) -> None:
    """Play storms, or one of them aloud; ends with status 1 where an invariant broke."""
    if replay is not None and kills is not None:
        raise UserError(
            "STORM_OPTIONS", _("--replay and --kills do not go together; give one of them.")
        )
    if kills is not None:
        sound = _kill(kills, seed, as_json=as_json)
    elif replay is not None:
        sound = _replay(replay, as_json=as_json)
    else:
        sound = _campaign(schedules, seed, jobs, as_json=as_json)
    raise typer.Exit(0 if sound else 1)


def _campaign(schedules: int, seed: int, jobs: int | None, *, as_json: bool) -> bool:
    """Play many and tell what came of them."""
    from absolute.desk.storm import campaign

    with progress(schedules, _("Storms"), silent=as_json) as tell:
        result = campaign(schedules, seed=seed, jobs=jobs, told=tell)
    if as_json:
        print_json(_summary(result))
    else:
        _tell(result)
    return not result.violations


def _summary(result: "Campaign") -> dict[str, object]:
    """What other programs read of a campaign."""
    return {
        "schedules": result.schedules,
        "events": result.events,
        "violations": result.violations,
        "schedules_per_minute": result.schedules_per_minute,
        "faults": dict(sorted(result.faults.items())),
        "order_steps": dict(sorted(result.edges.items())),
        "never_happened": list(result.missing),
        "broken": [
            {
                "seed": each.seed,
                "invariant": each.invariant,
                "detail": each.detail,
                "replay": _command(each.seed),
            }
            for each in result.broken
        ],
    }


def _command(seed: int) -> str:
    """The one line that shows a schedule again."""
    return f"{called_as()} storm --replay {seed}"


def _tell(result: "Campaign") -> None:
    for each in result.broken:
        print(
            _("Seed {seed} breaks {invariant}: {detail}").format(
                seed=each.seed, invariant=each.invariant, detail=each.detail
            )
        )
        print(f"  {_command(each.seed)}")
    print(
        _(
            "{schedules} schedules, {events} events, {faults} faults, {violations} violations."
        ).format(
            schedules=_count(result.schedules),
            events=_count(result.events),
            faults=_count(result.faults.total()),
            violations=result.violations,
        )
    )
    if result.missing:
        names = ", ".join(result.missing)
        print(_("Never happened in so few schedules: {names}").format(names=names))
    print(_("{rate} schedules a minute.").format(rate=_count(result.schedules_per_minute)))


def _count(number: int) -> str:
    """A count as people write it."""
    return format_amount(Decimal(number), places=0)


def _replay(seed: int, *, as_json: bool) -> bool:
    """Play one seed aloud."""
    from absolute.desk.storm import replayed

    lines: list[str] = []
    outcome = replayed(seed, lines.append if as_json else print)
    if as_json:
        print_json(
            {
                "seed": outcome.seed,
                "events": outcome.events,
                "invariant": outcome.invariant,
                "detail": outcome.detail,
                "digest": outcome.digest,
                "trace": lines,
            }
        )
    elif outcome.invariant:
        text = _("Seed {seed} breaks {invariant}: {detail}")
        print(text.format(seed=seed, invariant=outcome.invariant, detail=outcome.detail))
    else:
        print(_("Seed {seed} holds every invariant.").format(seed=seed))
    return not outcome.invariant


def _kill(kills: int, seed: int, *, as_json: bool) -> bool:
    """Kill real processes and tell what was lost: nothing, or the matter ends with status 1."""
    from absolute.desk.kills import run_kills

    with progress(kills, _("Kills"), silent=as_json) as tell:
        result = run_kills(kills, seed=seed, told=tell)
    harm = [result[name] for name in HARM]
    if as_json:
        print_json(result)
    else:
        print(
            _(
                "{kills} kills: {lost} lost fills, {double} double orders, {orphans} orphans."
            ).format(kills=kills, lost=harm[0], double=harm[1], orphans=harm[2])
        )
    return not any(harm)
