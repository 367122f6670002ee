"""Owns what a storm is made of: venue profiles as tables of rules, and the faults of one schedule.

Every schedule draws its own subset of faults with its own intensities, including none at all, so
that faults meet in ever new company. Spans are in ns. Rules without a source are assumptions.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.desk.storm_chance import Chance
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Asset, Price, Qty, Quote, Ratio
from absolute.engine.reports import VenueFacts
from absolute.strategies.ladder_plan import LadderConfig, Shape

S: Final = NANOS_PER_SECOND
MS: Final = NANOS_PER_MS
START: Final = 1_750_000_000 * S
CAPITAL: Final = Decimal(1000)
SPARE: Final = Decimal(50)
"""Base coins in the wallet that are not ours: a second exit of one quantity would find them."""

MARKET: Final = Instrument(
    InstrumentId("COINUSDT"),
    Kind.SPOT,
    Asset("COIN"),
    Asset("USDT"),
    Price(Decimal("0.01")),
    Qty(Decimal("0.001")),
    Qty(Decimal("0.001")),
    Quote(Decimal(5)),
)
RATE: Final = Decimal("0.001")
FEES: Final = FeeSchedule(Ratio(RATE), Ratio(RATE))
FIRST_PRICE: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class VenueRules:
    """How one venue behaves. Facts are scaled down, so that more happens in one schedule.

    `ids_unique`: a client id is refused for ever, not only while its order is open.
    `cancel_lasts`: how long an accepted cancel may take to bite. `forgets`: whether ended orders
    may be gone from the look-up. `rejects_late`: an accepted order may still be refused.
    """

    name: str
    facts: VenueFacts
    ids_unique: bool
    cancel_lasts: int
    rejects_late: bool


def _facts(*, unique: bool) -> VenueFacts:
    return VenueFacts(
        window=3 * S,
        engine_timeout=2 * S,
        visibility=3 * S,
        clock_error=S // 2,
        overlap=4 * S,
        ids_unique_for_ever=unique,
    )


PROFILES: Final = (
    # Bybit V5, "Place Order": orderLinkId unique for ever, both calls are only acknowledged.
    VenueRules("bybit spot", _facts(unique=True), True, 300 * MS, True),
    # Binance spot, "New Order": a client id is free again once its order has ended.
    VenueRules("binance spot", _facts(unique=False), False, 0, False),
)

FAULTS: Final = {
    # the way there and back
    "never_sent": (0.02, 0.3),
    "request_lost": (0.02, 0.3),
    "request_slow": (0.05, 0.4),
    "request_twice": (0.02, 0.2),
    "sent_then_reset": (0.05, 0.5),
    "reply_lost": (0.02, 0.3),
    "reply_reset": (0.02, 0.3),
    "reply_5xx": (0.02, 0.2),
    "reply_slow": (0.05, 0.4),
    "answer_lags": (0.1, 0.8),
    # the private stream
    "frame_lost": (0.01, 0.2),
    "frame_twice": (0.02, 0.3),
    "frame_reordered": (0.05, 0.6),
    "frame_slow": (0.05, 0.4),
    # what the venue does by itself
    "fill_in_parts": (0.2, 0.9),
    "spend_rest_cancelled": (0.1, 0.9),
    "fee_late": (0.05, 0.6),
    "held_by_engine": (0.05, 0.4),
    "shows_late": (0.1, 1.0),
    "rejected_late": (0.05, 0.3),
    "denied": (0.01, 0.05),
    "closed_forgotten": (1.0, 1.0),
    "look_up_blind": (0.1, 1.0),
    # prices
    "price_lost": (0.05, 0.5),
    "price_slow": (0.05, 0.3),
    "price_bad": (0.01, 0.1),
}
"""Faults that are drawn at each message, with the least and the greatest share of messages."""

HAPPENINGS: Final = {
    "stream_dropped": 4,
    "stream_silent": 2,
    "stream_flaps": 6,
    "cut_out": 2,
    "cut_in": 2,
    "refusing": 1,
    "crash": 3,
    "crash_soon": 4,
    "clock_jump": 2,
    "stall": 2,
    "price_frozen": 2,
    "venue_cancels": 2,
    "person_pauses": 1,
    "person_stops": 1,
    "person_flattens": 1,
    "person_resumes": 4,
    "foreign_order": 1,
    "unknown_status": 1,
    "venue_broken": 1,
}
"""Faults that happen at a time: how often at most in one schedule."""

AMBIGUOUS: Final = {
    "sent_then_reset": 0.6,
    "held_by_engine": 0.7,
    "shows_late": 0.9,
    "frame_lost": 0.8,
}
"""A weather in which nearly every order is left in doubt, and its proof is all there is."""

RARE: Final = frozenset(
    {"person_stops", "person_flattens", "foreign_order", "unknown_status", "venue_broken"}
)
"""What ends most of the trading, and so happens in few schedules only."""

ALARMS: Final = {
    "foreign_order": {"FOREIGN_ORDER"},
    "unknown_status": {"STATUS_UNKNOWN"},
    "closed_forgotten": {"ORDER_VANISHED"},
    "look_up_blind": {"ORDER_VANISHED"},
    "venue_broken": {"KEYS_REFUSED"},
}
"""Which alarms a fault may ring. Any other alarm is a false one."""


@dataclass(frozen=True, slots=True)
class Weather:
    """The faults of one schedule: shares by message, times by happening."""

    rules: VenueRules
    config: LadderConfig
    shares: dict[str, float]
    times: tuple[tuple[int, str], ...]
    calm_at: int
    alarms: frozenset[str]


def _configs() -> tuple[LadderConfig, ...]:
    """A few ladders over which every choice of theirs is made at least once."""
    plain = LadderConfig(
        qty_inicial=Quote(Decimal(60)),
        lucro_alvo_inicial=Ratio(Decimal("0.006")),
        lucro_alvo_minimo=Ratio(Decimal("0.003")),
        recompra_queda_inicial=Ratio(Decimal("0.006")),
        recompra_queda_minimo=Ratio(Decimal("0.004")),
        multiplicador_qty=Decimal("1.3"),
        limite_recompras=4,
        saldo_limite=Quote(Decimal(320)),
        lucro_reaplicar=False,
        shape=Shape.GEOMETRIC,
    )
    fields = {name: getattr(plain, name) for name in LadderConfig.__slots__}
    variants: tuple[dict[str, object], ...] = (
        {},
        {"cool_down_s": 3, "on_exit_race": "sell"},
        {"resting_rebuys": 2, "on_exit_partial": "keep"},
        {"resting_rebuys": 3, "on_exit_race": "sell", "rung_timeout_s": 5},
        {"rung_timeout_s": 4, "reprice_on_partial": False, "cool_down_s": 1},
    )
    return tuple(LadderConfig(**{**fields, **each}) for each in variants)


CONFIGS: Final = _configs()


def draw_weather(chance: Chance) -> Weather:
    """The weather of one schedule."""
    rules = chance.pick(PROFILES)
    calm_at = START + chance.between(25, 70) * S
    if chance.flip(0.12):
        calm_at += 70 * S  # long enough for prices to grow stale
    density = chance.pick((0.0, 0.15, 0.3, 0.5))
    shares: dict[str, float] = {}
    for name, (least, most) in FAULTS.items():
        share = least + chance.unit() * (most - least)
        if chance.flip(density) or name in {"fill_in_parts", "spend_rest_cancelled"}:
            shares[name] = share
    if chance.flip(0.1):
        shares.update(AMBIGUOUS)
    if not rules.ids_unique:
        shares.pop("request_twice", None)  # where ids are free again nobody may send twice
    if not rules.rejects_late:
        shares.pop("rejected_late", None)
    times: list[tuple[int, str]] = []
    for name, most in HAPPENINGS.items():
        if chance.flip(density * (0.25 if name in RARE else 1)):
            count = chance.between(1, most)
            times += [(chance.between(START + S, calm_at - S), name) for _each in range(count)]
    names = {name for _time, name in times} | set(shares)
    alarms = frozenset(code for name in names for code in ALARMS.get(name, ()))
    return Weather(rules, chance.pick(CONFIGS), shares, tuple(sorted(times)), calm_at, alarms)
