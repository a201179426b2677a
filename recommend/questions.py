"""Questions asked in threads, each waited for until its time; and whether Neo4j is worth asking."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from graph.errors import GraphTimeout, GraphUnavailable
from recommend.journey import Journey

__all__ = ["Questions"]

P = ParamSpec("P")
T = TypeVar("T")

_log: Final = logging.getLogger("entourage.recommend")
_MEND_SECONDS: Final = 2.0
"""How long Neo4j is not queried after it did not answer, so that not every request waits for it."""
_THREADS: Final = 16
_REST_THREADS: Final = 8
_MODEL_THREADS: Final = 2
_RESTRICTIONS_THREADS: Final = 4


class Questions:
    """Asks Neo4j and the models. Safe to share between threads."""

    def __init__(self, *, graph: bool) -> None:
        self._graph = graph
        self._broken_until = 0.0
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="graph")
        # Apart from those of candidates, so that slow sources of other feeds keep no feed from its filters and reasons.
        self._rest_pool = ThreadPoolExecutor(_REST_THREADS, thread_name_prefix="facts")
        # What must not be shown is told in time even where facts and reasons of other feeds are late.
        self._restrictions_pool = ThreadPoolExecutor(_RESTRICTIONS_THREADS, thread_name_prefix="restrictions")
        # Apart from the graph's, so that a Neo4j that hangs does not keep the model from answering.
        self._model_pool = ThreadPoolExecutor(_MODEL_THREADS, thread_name_prefix="model")

    @property
    def graph_is_down(self) -> bool:
        """Whether there is no Neo4j, or it did not answer a moment ago."""
        return not self._graph or time.monotonic() < self._broken_until

    def of_graph(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin ``work`` in a thread, one of those for candidates from Neo4j."""
        return self._pool.submit(work, *args, **kwargs)

    def of_facts(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin ``work`` in a thread, one of those for facts, reasons and names from Neo4j."""
        return self._rest_pool.submit(work, *args, **kwargs)

    def of_restrictions(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin ``work`` in a thread, one of those for what a person must not be shown."""
        return self._restrictions_pool.submit(work, *args, **kwargs)

    def of_model(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin ``work`` in a thread, one of those for models."""
        return self._model_pool.submit(work, *args, **kwargs)

    def in_time(self, asked: Future[T], name: str, journey: Journey, left_ms: int) -> T | None:
        """The answer; None when it is late or an error. The journey then says which."""
        try:
            answer = asked.result(timeout=left_ms / 1000)
            journey.outcomes[name] = "answered"
            return answer
        except TimeoutError as error:
            asked.cancel()
            journey.outcomes[name], journey.errors[name] = "late", error
        except GraphTimeout as error:
            journey.outcomes[name], journey.errors[name] = "late", error
        except GraphUnavailable as error:
            self._broken_until = time.monotonic() + _MEND_SECONDS
            journey.graph_down = True
            journey.outcomes[name], journey.errors[name] = "unavailable", error
        except Exception as error:  # one question that fails must not cost the whole answer
            _log.error("%s failed", name, exc_info=error)
            journey.outcomes[name], journey.errors[name] = "failed", error
        return None
