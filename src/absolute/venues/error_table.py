"""Owns the one table from a venue's raw code to what it means; everything not in it is unknown.

Only codes that are known to mean no are a no: for an order, all the rest leaves it in doubt. It
looks at raw codes, documented texts of two ambiguous codes, and HTTP status, never at the class or
the words of a client library (`ExchangeError` may be a placed order). Codes and texts are those of
the venues' own error pages: Bybit V5 "Error Codes", Binance spot "errors.md", Binance USD-M "Error
Codes"; for the other venues the codes that their order pages name.
"""

from dataclasses import dataclass
from enum import StrEnum

from absolute.domain.errors import AbsoluteError
from absolute.venues.profiles import Family


class Meaning(StrEnum):
    """What an answer that is no yes says."""

    DENIED = "denied"
    FILTER = "filter"
    FUNDS = "funds"
    DUPLICATE = "duplicate"
    GONE = "gone"
    NOTHING_TO_CHANGE = "nothing_to_change"
    CLOCK = "clock"
    RATE = "rate"
    BAN = "ban"
    AUTH = "auth"
    PERMISSION = "permission"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


M = Meaning
DEFINITIVE = frozenset({M.DENIED, M.FILTER, M.FUNDS, M.CLOCK, M.AUTH, M.PERMISSION})
"""An order answered so never came to be."""

FATAL = frozenset({M.AUTH, M.PERMISSION, M.BAN})
"""Asking again does not help; a person must look."""


class VenueFault(AbsoluteError):
    """A request that got no usable yes: what the wire said, and whether bytes may have left.

    `status` of None: no reply came. `code` is the venue's own, empty where it gave none.
    """

    def __init__(
        self,
        detail: str,
        *,
        left: bool,
        status: int | None = None,
        code: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.left = left
        self.status = status
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Judged:
    """A fault and what it means; `code` is fit for a report."""

    meaning: Meaning
    code: str
    detail: str


def _codes(text: str) -> list[str]:
    return text.split()


def _table(**rows: str) -> dict[str, Meaning]:
    return {code: M(name) for name, text in rows.items() for code in _codes(text)}


BYBIT = _table(
    denied="10001 10017 10024 10027 10028 10029 30208 30209 30228 100028 110003 110005 110009"
    " 110011 110020 110021 110022 110023 110029 110032 110040 110042 110049 110050 110057 110063"
    " 110066 110067 110068 110069 110070 110074 110080 110088 110089 110090 110092 110093 110095"
    " 110098 110100 110103 110120 110121 110123 110124 110125 110132 170031 170034 170036 170037"
    " 170105 170115 170116 170117 170121 170130 170132 170133 170145 170151 170157 170159 170192"
    " 170193 170194 170201 170202 170203 170204 170206 170209 170217 170218 170219 170221 170224"
    " 170227 170228 170229 170241 170341 170348 170358 170359 170371 170372 170810",
    filter="110017 110094 170124 170134 170136 170137 170140 170148 170381 170382 170197 170198",
    funds="110004 110006 110007 110012 110044 110045 110051 110052 110053 170033 170131",
    duplicate="110072 170141",
    gone="110001 110008 110010 170139 170142 170143 170190 170213",
    nothing_to_change="110025 110026 110027 110043",
    clock="10002 -1",
    rate="10006 10018 10429 429 170222 20003",
    ban="",
    auth="10003 10004 10007 33004 -2015",
    permission="10005 10008 10009 10010",
    maintenance="10016 10019",
)
_BINANCE_FORM = (
    "-1013 -1014 -1020 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1108 -1112 -1114 -1115 -1116"
    " -1117 -1118 -1121 -1128 -1130"
)
BINANCE = _table(
    denied=f"{_BINANCE_FORM} -1119 -1135 -1145 -2021 -2026",
    filter="-1111",
    funds="-2018 -2019",
    gone="-2013",
    clock="-1021",
    rate="-1003 -1015 -1008",
    auth="-1022 -2014 -2015",
    permission="-1002",
    maintenance="-1016",
)
BINANCE_USDM = _table(
    denied=f"{_BINANCE_FORM} -1109 -1110 -1136 -2016 -2020 -2021 -2022 -2023 -2024 -2025 -2026"
    " -2027 -2028 -4015 -4022 -4045 -4060 -4061 -4062 -4087 -4088 -4109 -4114 -4118 -4131 -4135"
    " -4137 -4138 -4139 -4140 -4141 -4142 -4192 -4400 -4401 -4402 -5021 -5022 -5025 -5037 -5038"
    " -5039 -5041",
    filter="-1111 -4001 -4002 -4003 -4004 -4005 -4006 -4007 -4013 -4014 -4016 -4023 -4024 -4164"
    " -4184 -4210 -4211",
    funds="-2018 -2019 -4050 -4051",
    duplicate="-4116",
    gone="-2011 -2013",
    nothing_to_change="-4046 -4059",
    clock="-1021 -5028",
    rate="-1003 -1015 -1008",
    auth="-1022 -2014 -2015 -2017",
    permission="-1002 -1011",
    maintenance="-1016",
)
_KRAKEN = {
    "EOrder:Insufficient funds": M.FUNDS,
    "EOrder:Order minimum not met": M.FILTER,
    "EOrder:Cost minimum not met": M.FILTER,
    "EOrder:Tick size check failed": M.FILTER,
    "EOrder:Post only order": M.DENIED,
    "EOrder:Unknown order": M.GONE,
    "EGeneral:Invalid arguments": M.DENIED,
    "EAPI:Invalid key": M.AUTH,
    "EAPI:Invalid signature": M.AUTH,
    "EAPI:Invalid nonce": M.CLOCK,
    "EAPI:Rate limit exceeded": M.RATE,
    "EOrder:Rate limit exceeded": M.RATE,
    "EGeneral:Permission denied": M.PERMISSION,
    "EGeneral:Temporary lockout": M.BAN,
    "EService:Unavailable": M.MAINTENANCE,
    "EService:Market in cancel_only mode": M.DENIED,
    "EService:Market in post_only mode": M.DENIED,
}
_OKX = _table(
    denied="51000 51001 51004 51006 51121",
    filter="51020",
    funds="51008 51119 51131",
    duplicate="51016",
    gone="51400 51401 51402 51410 51603",
    clock="50102 50112",
    rate="50011 50061 51113",
    auth="50103 50104 50105 50111 50113 50119",
    permission="50110 50114 50120",
    maintenance="50001 50013 50026",
)
_KUCOIN = _table(
    denied="400100 400600 900001",
    funds="200004",
    clock="400002",
    rate="429000 200002",
    auth="400001 400003 400004 400005 411100",
    permission="400006 400007 400303",
    maintenance="",
)
_COINBASE = _table(
    denied="UNSUPPORTED_ORDER_CONFIGURATION INVALID_SIDE INVALID_PRODUCT_ID ORDER_ENTRY_DISABLED"
    " INELIGIBLE_PAIR INVALID_LIMIT_PRICE_POST_ONLY INVALID_LIMIT_PRICE INVALID_NO_LIQUIDITY",
    filter="INVALID_SIZE_PRECISION INVALID_PRICE_PRECISION",
    funds="INSUFFICIENT_FUND",
    permission="PERMISSION_DENIED",
)
_OTHERS: dict[str, dict[str, Meaning]] = {
    "coinbase": _COINBASE,
    "kraken": _KRAKEN,
    "kucoin": _KUCOIN,
    "okx": _OKX,
}

_DUPLICATE_SENT = "Duplicate order sent."
_UNKNOWN_SENT = "Unknown order sent."
_NEW_ORDER_DENIED = frozenset(
    {
        "Market is closed.",
        "Market orders are not supported for this symbol.",
        "Stop loss orders are not supported for this symbol.",
        "Stop loss limit orders are not supported for this symbol.",
        "Take profit orders are not supported for this symbol.",
        "Take profit limit orders are not supported for this symbol.",
        "Price QTY is zero or less.",
        "Price * QTY is zero or less.",
        "This action is disabled on this account.",
        "This account may not place or cancel orders.",
        "Unsupported order combination",
        "Order would trigger immediately.",
        "Order would immediately match and take.",
        "Quote order qty market orders are not support for this symbol.",
        "This symbol is not permitted for this account.",
        "This symbol is restricted for this account.",
        "Order book liquidity is less than LOT_SIZE filter minimum quantity.",
        "Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity.",
        "Order book liquidity is less than symbol minimum quantity.",
    }
)
_NO_FUNDS = "Account has insufficient balance for requested action."


def _spot_rejected(code: str, text: str) -> Meaning:
    """Binance spot's -2010 and -2011 say what they mean only by their documented text."""
    if code == "-2010":
        if text == _DUPLICATE_SENT:
            return M.DUPLICATE
        if text == _NO_FUNDS:
            return M.FUNDS
        known = text in _NEW_ORDER_DENIED or text.startswith("Filter failure:")
        return M.DENIED if known else M.UNKNOWN
    return M.GONE if text == _UNKNOWN_SENT else M.UNKNOWN


def meaning_of(family: Family, venue: str, fault: VenueFault) -> Meaning:
    """What a fault means. A status of 5xx is never a no, whatever the body says."""
    status, code = fault.status, fault.code
    if status is None or not fault.left:
        return M.UNKNOWN
    if status == 418 or (status == 403 and family is not Family.UNIFIED and not code):
        return M.BAN
    if status == 429:
        return M.RATE
    if status == 503:
        return M.MAINTENANCE
    if status >= 500:
        return M.UNKNOWN
    match family:
        case Family.BYBIT:
            return BYBIT.get(code, M.UNKNOWN)
        case Family.BINANCE if code in {"-2010", "-2011"}:
            return _spot_rejected(code, fault.detail)
        case Family.BINANCE:
            return BINANCE.get(code, M.UNKNOWN)
        case Family.BINANCE_USDM:
            return BINANCE_USDM.get(code, M.UNKNOWN)
        case Family.UNIFIED:
            return _OTHERS.get(venue, {}).get(code, M.UNKNOWN)


def judge(family: Family, venue: str, fault: VenueFault) -> Judged:
    """A fault with its meaning and a code for a report."""
    code = fault.code or (f"HTTP_{fault.status}" if fault.status is not None else "NO_REPLY")
    return Judged(meaning_of(family, venue, fault), code, fault.detail)
