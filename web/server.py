"""gunicorn around the app: in the foreground for ``entourage serve``, or as a child for as long as a block lasts.

The listening socket is opened here, before anything else: a port that is taken is a clear error at once, and port 0
is a free one without a race. Requests that come before the workers are ready wait in its queue.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from graph.errors import EntourageError, SettingsError
from graph.settings import Settings, environment, load_settings
from web import logs
from web.admission import Worker

__all__ = ["Running", "background", "environment", "listen", "serve"]

THREADS: Final = 8
GRACEFUL_S: Final = 10
_M_ARENA_MAX: Final = -8
"""The number of M_ARENA_MAX in glibc's malloc.h."""
_MAX_REQUEST_LINE: Final = 8_190
"""gunicorn's own maximum: a cursor is long."""


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; port 0 picks a free one. Raises SettingsError when the port cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(
            f"The service cannot listen on {host}: {error.strerror}.", do="Choose another --host."
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(1_024)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"The service cannot listen on {host}:{port}: {error.strerror}.",
            do="Stop what listens there, choose another with --port, or let --port 0 pick a free one.",
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The address at which a browser on this machine reaches the server."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - every address, so this machine's own too
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Run gunicorn on ``listener`` until SIGTERM or SIGINT, then let the requests under way finish.

    ``ready`` is called once, in the first worker, when it is about to answer. Ends by SystemExit, as gunicorn does.
    """
    counters = tempfile.mkdtemp(prefix="entourage-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counters  # read when prometheus_client is imported
    importlib.import_module("web.app")  # once for all workers; it opens nothing
    master = os.getpid()
    try:
        _Gunicorn(settings, listener, ready).run()
    finally:
        if os.getpid() == master:  # a worker leaves through here too
            shutil.rmtree(counters, ignore_errors=True)


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener: socket.socket, ready: Callable[[], None] | None) -> None:
        self.settings = settings
        self.listener = listener
        self.ready = ready
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self.listener.fileno()}",
            "workers": self.settings.service.workers,
            "worker_class": Worker,
            "threads": THREADS,
            "graceful_timeout": GRACEFUL_S,
            "timeout": 60,
            "keepalive": 15,
            "limit_request_line": _MAX_REQUEST_LINE,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - a heartbeat file
            "control_socket_disable": True,
            "accesslog": None,  # web.logs writes one line a request
            "logger_class": _Logger,
            "post_worker_init": self._announce,
            "worker_exit": _close,
            "child_exit": _forget,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in each worker, after the fork: the driver and the watching thread must be born there."""
        from web.app import create_app

        _one_thread_a_product()
        _few_arenas()
        return create_app(self.settings)

    def _announce(self, worker: Any) -> None:
        if self.ready and worker.age == 1:
            self.ready()


def _few_arenas() -> None:
    """Have all threads share two pools of memory: of glibc's own eight a core each keeps what was freed in it.

    At full size that is 0.15 GiB a worker. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _one_thread_a_product() -> None:
    """Multiply in the thread that answers: the threads of BLAS wait in a loop that takes more time than the product.

    ``OPENBLAS_NUM_THREADS`` in the environment is left as it is.
    """
    if "OPENBLAS_NUM_THREADS" in os.environ:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for libraries that are loaded later
    threadpool_limits(1, user_api="blas")


class _Logger(Logger):  # type: ignore[misc]
    """gunicorn's own lines, written as all others are."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure()


def _close(_server: Any, worker: Any) -> None:
    """End the watch and close the driver of a worker that leaves."""
    if app := getattr(worker, "wsgi", None):
        app.extensions["entourage.serving"].stop()


def _forget(_server: Any, worker: Any) -> None:
    """Take a worker that left out of the live gauges; called in the master."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Running:
    """A service that runs as a child of this process."""

    url: str
    pid: int
    log: Path


@contextmanager
def background(settings: Settings, *, wait_s: float = 300.0) -> Iterator[Running]:
    """Run the service as a child process while the block lasts: it answers when the block begins.

    It listens where ``settings.service`` says. Raises SettingsError when the port is taken, EntourageError with the
    end of its log when it does not come up. The child ends when the block does, or when this process dies.
    """
    listener = listen(settings.service.host, settings.service.port)
    url = url_of(listener)
    log = settings.home / "logs" / "web.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with listener, log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "web.server", str(listener.fileno())],
            pass_fds=[listener.fileno()],
            env=environment(settings),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child in order
        )
    try:
        wait_until_ready(url, child, log, wait_s)
        yield Running(url, child.pid, log)
    finally:
        _stop(child)


def wait_until_ready(url: str, child: subprocess.Popen[bytes], log: Path, wait_s: float) -> None:
    """Wait until the service can recommend. Raises EntourageError when it ended, has no data, or takes too long."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        if child.poll() is not None:
            raise EntourageError(f"The service ended at once: {_last_line(log)}", do=f"Its log is {log}.")
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=1.0):  # noqa: S310 - our own address
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 503:
                raise EntourageError(
                    "The service runs but has nothing to answer from: neither Neo4j nor a snapshot.",
                    do="Run `entourage up`, `entourage import` and `entourage export`.",
                ) from None
        except OSError:
            time.sleep(0.1)
    raise EntourageError(f"The service did not answer within {wait_s:g} s.", do=f"Its log is {log}.")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it wrote nothing"


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(GRACEFUL_S + 5)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _end_with_parent() -> None:
    """Our standard input is a pipe from the parent: it breaks when the parent is gone, however it went.

    Read without Python's buffer, whose lock the workers would inherit as taken, and end by an error.
    """
    while os.read(sys.stdin.fileno(), 1_024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """``python -m web.server FD``: what ``background`` runs in the child."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(load_settings(), socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
