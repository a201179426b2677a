"""Ports on loopback for the local Neo4j."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from graph.errors import LocalServerError

__all__ = ["choose", "free_port", "port_taken"]


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def choose(wanted: int | None, usual: Iterable[int]) -> int:
    """The port ``wanted``; for None the first free one of ``usual``; else, and for 0, any free one.

    Raises LocalServerError when the wanted one is taken.
    """
    if wanted:
        if not _is_free(wanted):
            raise port_taken(wanted)
        return wanted
    return next((port for port in usual if wanted is None and _is_free(port)), 0) or free_port()


def port_taken(port: int) -> LocalServerError:
    """The error for a port that another program listens on."""
    return LocalServerError(
        f"Port {port} is taken by another program.",
        do="Name another port, or none to let Entourage pick a free one.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
