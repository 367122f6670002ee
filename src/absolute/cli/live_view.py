"""Owns how a running bot looks in a terminal: a snapshot goes in, a picture comes out."""

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from absolute.desk.language import _, format_amount, format_datetime, format_percent
from absolute.desk.snapshot import Snapshot
from absolute.domain.units import NANOS_PER_SECOND, ZERO

BLOCKS = "▁▂▃▄▅▆▇█"
PRICES_KEPT = 120
ACCENT, GAIN, LOSS, QUIET = "cyan", "green", "red", "bright_black"
RUNGS_SHOWN = 21
WIDE = 100
LARGE = Decimal(10_000)


class LiveView:
    """Keeps the last prices for the line of blocks; the rest is in the snapshot.

    In a terminal narrower than `WIDE` columns large prices go without cents.
    """

    def __init__(self, title: str, *, width: int = WIDE) -> None:
        self._title = title
        self._narrow = width < WIDE
        self._prices: deque[Decimal] = deque(maxlen=PRICES_KEPT)

    def render(self, shot: Snapshot) -> RenderableType:
        """The whole screen."""
        self._prices.append(shot.price)
        right = Layout(name="right", ratio=6)
        right.split_column(
            Layout(self._orders(shot), name="orders", size=max(len(shot.orders), 1) + 2),
            Layout(self._fills(shot), name="fills"),
        )
        body = Layout()
        body.split_row(Layout(self._ladder(shot), name="ladder", ratio=5), right)
        screen = Layout()
        screen.split_column(
            Layout(self._head(shot), name="head", size=6),
            Layout(body, name="body"),
            Layout(Text(_("Ctrl-C ends with a summary."), style=QUIET), name="foot", size=1),
        )
        return screen

    def _head(self, shot: Snapshot) -> Panel:
        moment = datetime.fromtimestamp(shot.time // NANOS_PER_SECOND, UTC)
        change = shot.equity - shot.capital
        figures = Table.grid(expand=True, padding=(0, 2))
        for _column in range(5):
            figures.add_column(ratio=1)
        figures.add_row(
            *(
                Text(label, style=QUIET)
                for label in (_("Price"), _("Equity"), _("Profit"), _("Deals"), _("Fills"))
            )
        )
        figures.add_row(
            Text(format_amount(shot.price), style=f"bold {ACCENT}"),
            Text(
                f"{format_amount(shot.equity)} ({format_percent(change / shot.capital)})",
                style=f"bold {coloured(change)}",
            ),
            Text(format_amount(shot.profit), style=f"bold {coloured(shot.profit)}"),
            Text(str(shot.deals_closed), style="bold"),
            Text(str(shot.fills_count), style="bold"),
        )
        line = Text(blocks(list(self._prices)), style=ACCENT, no_wrap=True, overflow="crop")
        when = format_datetime(moment)
        return Panel(Group(figures, line), title=self._title, subtitle=when, border_style=QUIET)

    def _price(self, price: Decimal) -> str:
        return format_amount(price, 0 if self._narrow and price >= LARGE else 2)

    def _ladder(self, shot: Snapshot) -> Panel:
        table = Table(expand=True, box=None, padding=(0, 1))
        for label, justify in ((_("rung"), "right"), (_("price"), "right"), (_("value"), "right")):
            table.add_column(label, justify=justify, style="", header_style=QUIET)  # type: ignore[arg-type]
        table.add_column("", header_style=QUIET)
        if shot.exit_price is not None:
            table.add_row("▲", self._price(shot.exit_price), "", _("exit"), style=f"bold {GAIN}")
        if shot.average is not None:
            table.add_row("ø", self._price(shot.average), "", _("average"), style=QUIET)
        first = max(0, sum(rung.state == "done" for rung in shot.rungs) - 4)
        styles = {"done": GAIN, "resting": f"bold {ACCENT}", "waiting": QUIET}
        words = {"done": _("bought"), "resting": _("resting"), "waiting": ""}
        for rung in shot.rungs[first : first + RUNGS_SHOWN]:
            price = "" if rung.price is None else self._price(rung.price)
            table.add_row(
                str(rung.number),
                price,
                format_amount(rung.value),
                words[rung.state],
                style=styles[rung.state],
            )
        title = _("Deal {number}: {phase}").format(number=shot.deal, phase=phase_word(shot.phase))
        return Panel(table, title=title, border_style=QUIET)

    def _orders(self, shot: Snapshot) -> Panel:
        table = Table.grid(expand=True, padding=(0, 1))
        for order in shot.orders:
            terms = order.terms
            side = Text(
                side_word(terms.side.value), style=GAIN if terms.side.value == "buy" else LOSS
            )
            price = "" if terms.price is None else self._price(terms.price)
            table.add_row(side, str(terms.role), str(terms.qty or terms.spend), "@", price)
        if not shot.orders:
            table.add_row(Text(_("none"), style=QUIET))
        return Panel(table, title=_("Open orders"), border_style=QUIET)

    def _fills(self, shot: Snapshot) -> Panel:
        table = Table.grid(expand=True, padding=(0, 1))
        for fill in reversed(shot.fills):
            moment = datetime.fromtimestamp(fill.time // NANOS_PER_SECOND, UTC)
            side = Text(
                side_word(fill.side.value), style=GAIN if fill.side.value == "buy" else LOSS
            )
            table.add_row(
                Text(f"{moment:%d %H:%M}", style=QUIET),
                side,
                str(fill.qty),
                "@",
                self._price(fill.price),
            )
        if not shot.fills:
            table.add_row(Text(_("none yet"), style=QUIET))
        return Panel(table, title=_("Last fills"), border_style=QUIET)


def coloured(amount: Decimal) -> str:
    """Green for a gain, red for a loss, plain for nothing."""
    return GAIN if amount > ZERO else LOSS if amount < ZERO else "white"


def side_word(side: str) -> str:
    """The side in the user's language, with a mark that does not need colour."""
    return f"▼ {_('buy')}" if side == "buy" else f"▲ {_('sell')}"


def phase_word(phase: str) -> str:
    """Where the ladder stands, in the user's language."""
    words = {
        "idle": _("idle"),
        "entering": _("entering"),
        "armed": _("armed"),
        "exiting": _("exiting"),
        "clearing": _("clearing"),
        "cooling": _("cooling down"),
        "halted": _("halted: needs you"),
    }
    return words[phase]


def blocks(prices: list[Decimal]) -> str:
    """Prices as a line of blocks, lowest to highest."""
    if not prices:
        return ""
    low, high = min(prices), max(prices)
    span = high - low
    if not span:
        return BLOCKS[0] * len(prices)
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[int((price - low) / span * steps)] for price in prices)
