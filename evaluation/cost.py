"""The cost of a block of code: wall-clock seconds, processor seconds, and the peak memory of the process."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

import psutil

__all__ = ["Cost"]

_INTERVAL_S: Final = 0.05


class Cost:
    """Measures a block; read ``seconds``, ``processor_seconds`` and ``peak_mib`` after it.

    ``processor_seconds`` adds up all threads of the process; it hardly changes when other programs use the machine.
    ``peak_mib`` is the largest resident size of the whole process, sampled every 50 ms: shorter peaks are missed, and
    memory that was in use before the block counts too.
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mib: float = 0.0

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._done = threading.Event()
        self._look()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self._started, self._processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.processor_seconds = time.process_time() - self._processor
        self._done.set()
        self._watcher.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(_INTERVAL_S):
            self._look()

    def _look(self) -> None:
        self.peak_mib = max(self.peak_mib, self._process.memory_info().rss / 2**20)
