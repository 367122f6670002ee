"""Owns the box's own certificate authority: made at the start, trusted by who was told to only.

Its root goes to a file that clients are pointed at; its key never leaves the process. It must not
know what is served.
"""

import ssl
from collections.abc import Iterable
from pathlib import Path

import trustme


class Authority:
    """One root and one leaf that names every host of the box."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._root = trustme.CA(organization_name="Absolute Trader exchange in the box")
        self._leaf = self._root.issue_cert(*sorted(self._names))

    def write_root(self, path: Path) -> Path:
        """The public half, as PEM: all that a client needs to trust the box and nobody else."""
        path.write_bytes(self._root.cert_pem.bytes())
        return path

    def server_tls(self) -> ssl.SSLContext:
        """Serves the leaf, and refuses the handshake of a client that asks for another name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._leaf.configure_cert(context)

        def known(
            _socket: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext
        ) -> int | None:
            if name is not None and name.lower() not in self._names:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None

        context.sni_callback = known
        return context
