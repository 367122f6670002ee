"""Owns what can go wrong between a caller and an exchange, in the words of PowerTraderAI+.

The class says what may be done next, which is all a caller can act on. After `place_order` of the
fleet every error but `ExchangeOrderUnknown` is proof that no order stands at the exchange; after
that one nobody knows, and only a question by the client id can tell.

It must not know any exchange's codes.
"""

from absolute.domain.errors import AbsoluteError


class ExchangeError(AbsoluteError):
    """The root: something an exchange did, did not do, or cannot do.

    `no_order` is the proof a caller may act on: raised while placing an order, it says that none
    stands. Without it an order counts as sent until it was asked for.
    """

    no_order: bool = False


class ExchangeUnavailable(ExchangeError):
    """This exchange cannot be used for that here: region, configuration, ability, old data."""

    no_order = True


class ExchangeConnectionError(ExchangeError):
    """No connection, or no usable answer to a question."""


class ExchangeNotSent(ExchangeConnectionError):
    """No byte of the order left this machine, or it is proved that it never arrived."""

    no_order = True


class ExchangeAuthenticationError(ExchangeError):
    """The keys were refused, so nothing was done with them."""

    no_order = True


class ExchangeRateLimitError(ExchangeError):
    """Too many requests. `retry_after` is in seconds, where it was told."""

    def __init__(
        self, message: str, retry_after: float | None = None, *, no_order: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.no_order = no_order


class ExchangeOrderError(ExchangeError):
    """An order did not go as asked. `code` is the exchange's own word, or ours."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ExchangeOrderRejected(ExchangeOrderError):
    """The order was definitely refused, there or here; none stands."""

    no_order = True


class ExchangeOrderUnknown(ExchangeOrderError):
    """The order was sent and nobody knows what became of it: it may stand, it may have traded.

    Calling `place_order` again with the same request first asks the exchange for `client_id` and
    sends nothing new until that is answered.
    """

    def __init__(self, message: str, *, exchange: str, symbol: str, client_id: str) -> None:
        super().__init__(message, code="ORDER_UNKNOWN")
        self.exchange = exchange
        self.symbol = symbol
        self.client_id = client_id
