"""Owns how a foreign HTTP client speaks to a face without a network: an adapter for `requests`.

The client signs and sends as ever, under the venue's real URLs; the bytes end at `Face.answer`.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from absolute.domain.units import NANOS_PER_SECOND, Asset, Nanos
from absolute.kernels.synth import synth_tape
from absolute.simex.bybit import Supply
from absolute.simex.face import Face, HttpReply, HttpRequest

START_NS = Nanos(1_780_000_000 * NANOS_PER_SECOND)


def still_supply() -> Supply:
    """A market in BTC and ETH that moves once a minute."""

    def tape(seed: int, price: int):
        return synth_tape(
            np.random.Generator(np.random.PCG64(seed)),
            bars=300,
            start_ns=START_NS,
            bar_ns=60 * NANOS_PER_SECOND,
            first_price=Decimal(price),
            price_unit=Decimal("0.01"),
        )

    return Supply({Asset("BTC"): tape(1, 60_000), Asset("ETH"): tape(2, 3_000)})


@dataclass
class BoxClock:
    """The time a test and its clients share."""

    now: Nanos = START_NS

    @property
    def ms(self) -> int:
        """Milliseconds, as venues count."""
        return self.now // 1_000_000

    def pass_ms(self, span: int) -> None:
        """Let time pass."""
        self.now = Nanos(self.now + span * 1_000_000)


@dataclass
class Seen:
    """What went over the wire, for a test to look at."""

    replies: list[tuple[str, str, HttpReply]] = field(default_factory=list)


class FaceAdapter(BaseAdapter):
    """Carries requests to a face instead of a network."""

    def __init__(self, faces: list[Face], clock: BoxClock, seen: Seen | None = None) -> None:
        super().__init__()
        self._faces = {host: face for face in faces for host in face.hosts}
        self._clock = clock
        self._seen = seen or Seen()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """One request."""
        url = urlsplit(request.url or "")
        body = request.body or b""
        reply = self._faces[url.hostname or ""].answer(
            HttpRequest(
                method=request.method or "GET",
                host=url.hostname or "",
                path=url.path,
                query=url.query,
                headers={name.lower(): str(value) for name, value in request.headers.items()},
                body=body.encode() if isinstance(body, str) else body,
            ),
            self._clock.now,
        )
        self._seen.replies.append((request.method or "", url.path, reply))
        raw = HTTPResponse(
            body=BytesIO(reply.body),
            status=reply.status,
            headers=dict(reply.headers),
            preload_content=False,
        )
        response = requests.Response()
        response.status_code = reply.status
        response.headers.update(reply.headers)
        response.raw = raw
        response._content = reply.body
        response.url = request.url or ""
        response.request = request
        response.reason = "OK" if reply.status < 400 else "error"
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        """Nothing is open."""
