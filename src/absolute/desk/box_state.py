"""Owns the word of a running box to whoever else is on this machine: one file, and what it means.

The file names the process, the ports, the authority and the fake keys. It is read by programs that
want the box, and removed by the box that wrote it. It must not know how a box is made.
"""

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from absolute.desk.home import home
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.venues.box import BoxAddress
from absolute.venues.private_files import read_private

STATE: Final = "box.json"
LOOPBACK: Final = "127.0.0.1"
PROXY_NAMES: Final = ("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy")
AUTHORITY_NAMES: Final = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "WEBSOCKET_CLIENT_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)


@dataclass(frozen=True, slots=True)
class BoxState:
    """A running box: everything that a client of any kind needs.

    `keys` maps "venue:environment" to a fake key and its secret.
    """

    pid: int
    host: str
    port: int
    proxy_port: int
    ca: str
    hosts: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, Mapping[str, str]]

    @property
    def address(self) -> BoxAddress:
        """What a session of ours needs."""
        names = frozenset(name for names in self.hosts.values() for name in names)
        return BoxAddress(self.host, self.port, Path(self.ca), names)

    @property
    def proxy(self) -> str:
        """What a program that only knows proxies needs."""
        return f"http://{self.host}:{self.proxy_port}"

    def environment(self) -> dict[str, str]:
        """The variables that lead an unmodified program into the box, and to nowhere else."""
        proxied = dict.fromkeys(PROXY_NAMES, self.proxy)
        trusted = dict.fromkeys(AUTHORITY_NAMES, self.ca)
        return {**proxied, "NO_PROXY": "", "no_proxy": "", **trusted}

    def to_json(self) -> dict[str, object]:
        """As `absolute exchange serve --json` prints it."""
        address = f"https://{self.host}:{self.port}"
        return {"ready": True, "address": address, "proxy": self.proxy, **asdict(self)}


def write_state(state: BoxState, place: Path | None = None) -> Path:
    """Say that a box runs; readable by this user only. Gives the file."""
    folder = place or home()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / STATE
    draft = folder / f"{STATE}.{state.pid}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(state)), "utf-8")
    draft.replace(path)
    return path


def clear_state(state: BoxState, place: Path | None = None) -> None:
    """Take the word back, unless another box has spoken since."""
    with suppress(UserError):  # then there is nothing of ours to take back
        if read_state(place) == state:
            ((place or home()) / STATE).unlink()


def read_state(place: Path | None = None) -> BoxState:
    """The box that runs; raises UserError BOX_NOT_RUNNING where none answers.

    The word of another user, or of one that leads off this machine, is not believed: keys are
    signed with towards it.
    """
    path = (place or home()) / STATE
    if not path.exists():
        raise _not_running()
    try:
        state = state_of(json.loads(read_private(path)))
    except (UserError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _not_running() from error
    if state.host != LOOPBACK:
        raise _not_running()
    if not _answers(state):
        raise _not_running()
    return state


def state_of(told: Mapping[str, Any]) -> BoxState:
    """A state as JSON gave it, also with the words that `serve --json` adds to it."""
    hosts = {venue: tuple(names) for venue, names in told["hosts"].items()}
    return BoxState(
        pid=told["pid"],
        host=told["host"],
        port=told["port"],
        proxy_port=told["proxy_port"],
        ca=told["ca"],
        hosts=hosts,
        keys=told["keys"],
    )


def _answers(state: BoxState) -> bool:
    """True if its process lives and its port takes a call."""
    try:
        os.kill(state.pid, 0)
        socket.create_connection((state.host, state.port), timeout=2).close()
    except (ProcessLookupError, PermissionError, OSError):
        return False
    return True


def _not_running() -> UserError:
    message = _("No exchange in the box runs here; start one with: absolute exchange serve")
    return UserError("BOX_NOT_RUNNING", message)
