"""A feed from the graph as it lies in memory: sources → filters → scorer → selector → reasons, without a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
import numpy.typing as npt

from graph.errors import Overloaded
from graph.live import View
from recommend import diversity, exploration, reasons, scorer, selector, sources, time_shares
from recommend.filters import Facts
from recommend.journey import Journey, Proposal
from recommend.live_reader import LiveReader
from recommend.request import Deadline, Request
from recommend.scorer import Scored
from recommend.sentences import Reason
from recommend.served_model import ServedModel
from recommend.sources import Candidate, Source

__all__ = ["compose", "rehearse"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_REHEARSED: Final = 20
"""People for whom a rehearsal composes feeds."""


def rehearse(view: View) -> None:
    """Compose feeds for a few people of a view, so that the first who asks waits for no compiler and no disk."""
    reader, users = LiveReader(view), view.snapshot.users.ids
    for user_id in users.gather_every(max(1, len(users) // _REHEARSED)).to_list():
        for kind in (None, "keak", "beat"):
            request = Request("rehearsal", user_id, 20, kind, frozenset(), True, Deadline(60_000))
            compose(reader, request, [], Journey(graph_down=False))


def compose(
    reader: LiveReader,
    request: Request,
    proposals: list[Proposal],
    journey: Journey,
    served: ServedModel | None = None,
) -> tuple[list[Scored], dict[str, Facts], dict[str, tuple[Reason, ...]]]:
    """What to show, its facts and its reasons, from the model's ``proposals`` and what the view knows.

    By the vectors of ``served`` contents are alike, where the composition asks for it.

    One request at a time: all of it is work of the processor. A source that fails is named in the ``journey``, and the
    others answer. Raises Overloaded for a request that waits for too long, and the error where all of them fail.
    """
    with journey.stage("wait"):
        held = reader.view.lock.acquire(timeout=request.deadline.left_ms(time_shares.IN_MEMORY) / 1_000)
    if not held:
        raise Overloaded("The service has more to do than it can do before the deadline.")
    try:
        with reader.restricted(request) as keep:
            with journey.stage("sources"):
                found = [_numbered(reader, request, source, candidates) for source, candidates in proposals]
                for source in scorer.asked(sources.asked_of_graph(request), request.composition):
                    if answer := journey.attempt(source.name, partial(_ask, reader, source, request)):
                        found.append(answer)
                if not found:
                    raise next(iter(journey.errors.values()))
            with journey.stage("filters"):
                _account(reader, request, found, journey)
                found = [one.kept(keep) for one in found]
                journey.outcomes["filters"] = "answered"
            with journey.stage("last resort"):
                for source in scorer.asked((sources.LAST_RESORT, sources.UNWATCHED), request.composition):
                    if len(_distinct(found)) >= request.n:
                        break
                    if answer := journey.attempt(source.name, partial(_ask, reader, source, request)):
                        _account(reader, request, [answer], journey)
                        found.append(answer.kept(keep))
            with journey.stage("scorer"):
                order, totals, best = _scored(found, reader)
            with journey.stage("selector"):
                chosen, facts = _selected(reader, request, found, order, totals, best, served)
        why: dict[str, tuple[Reason, ...]] = {}
        with journey.stage("reasons"):
            if request.explain and chosen:
                why = journey.attempt("reasons", lambda: _why(reader, request, chosen)) or {}
    except BaseException:
        reader.clear()
        raise
    finally:
        reader.view.lock.release()
    return chosen, facts, why


@dataclass(frozen=True)
class _Found:
    """Proposals of a source, as numbers of contents."""

    source: Source
    weight: float
    contents: Ints
    scores: Floats
    ranks: Ints | None = None
    """Where the source names only some of all that it ranks: their places among all."""

    def kept(self, keep: Callable[[Ints], Ints]) -> _Found:
        left = keep(self.contents)
        if len(left) == len(self.contents):
            return self
        where = np.flatnonzero(np.isin(self.contents, left))
        ranks = None if self.ranks is None else self.ranks[where]
        return _Found(self.source, self.weight, self.contents[where], self.scores[where], ranks)

    @cached_property
    def strengths(self) -> Floats:
        """The strength of each place, as in `recommend.scorer.score`."""
        ranks = np.arange(len(self.contents)) if self.ranks is None else self.ranks
        return np.asarray(self.weight * scorer.FLATNESS / (scorer.FLATNESS + ranks))


def _account(reader: LiveReader, request: Request, found: Sequence[_Found], journey: Journey) -> None:
    """Tell what the sources proposed, where that was asked for."""
    if journey.account is None:
        return
    for one in found:
        names = reader.view.contents.names(one.contents.tolist())
        journey.account.filtered(one.source.name, names, request, reader.facts(request, names))


def _ask(reader: LiveReader, source: Source, request: Request) -> _Found:
    try:
        return _Found(source, scorer.weight(source, request.composition), *reader.ranked(source, request))
    except Exception:
        reader.clear()
        raise


def _why(reader: LiveReader, request: Request, chosen: Sequence[Scored]) -> dict[str, tuple[Reason, ...]]:
    try:
        rows = reader.why(request, [one.content_id for one in chosen])
    except Exception:
        reader.clear()
        raise
    return {content_id: reasons.reasons(row, request.now, request.unnamed) for content_id, row in rows.items()}


def _numbered(reader: LiveReader, request: Request, source: Source, candidates: Sequence[Candidate]) -> _Found:
    """The proposals of a model; what the graph does not hold is left out."""
    numbers = [reader.view.contents.number(one.content_id) for one in candidates]
    known = [place for place, number in enumerate(numbers) if number is not None]
    ranks = [candidates[place].rank for place in known]
    return _Found(
        source,
        scorer.weight(source, request.composition),
        np.array([numbers[place] for place in known], dtype=np.int64),
        np.array([candidates[place].score for place in known], dtype=np.float64),
        None if None in ranks else np.array(ranks, dtype=np.int64),
    )


def _distinct(found: Sequence[_Found]) -> Ints:
    return np.unique(np.concatenate([one.contents for one in found]))


def _scored(found: Sequence[_Found], reader: LiveReader) -> tuple[Ints, Floats, float]:
    """Do what `recommend.scorer.score` does; give contents, best first, scores, and the strength that counts as 1."""
    distinct, total = _distinct(found), reader.total
    for one in found:
        total[one.contents] += one.strengths
    totals = total[distinct]
    total[distinct] = 0.0
    order = np.lexsort((reader.view.contents.rank[distinct], -totals))
    best = max(float(totals.max(initial=0.0)), 1e-300)
    return distinct[order], totals[order] / best, best


def _named(reader: LiveReader, request: Request, found: _Found, at: int, name: str) -> Candidate:
    """The proposal of a source at a place, by its id."""
    seen = reader.watched_at(request, int(found.contents[at])) if found.source is sources.REPLAYS else None
    return Candidate(name, float(found.scores[at]), at=seen)


def _again(found: Sequence[_Found], best_first: Sequence[int]) -> Callable[[int], bool]:
    """Whether the candidate at a place is a replay."""
    those = {content for one in found if one.source is sources.REPLAYS for content in one.contents.tolist()}
    return lambda place: best_first[place] in those


def _less(reader: LiveReader, request: Request) -> diversity.Lessened | None:
    """The contents that the person wants to see less of; None for none."""
    those = reader.less(request)
    if not those:
        return None
    names = reader.view.contents.names([content for content, _ in those])
    told = [(name, at, reader.traits(content, counted=False)) for name, (content, at) in zip(names, those, strict=True)]
    return diversity.Lessened(request.composition.less, told, request.now)


def _selected(
    reader: LiveReader,
    request: Request,
    found: Sequence[_Found],
    order: Ints,
    totals: Floats,
    best: float,
    served: ServedModel | None,
) -> tuple[list[Scored], dict[str, Facts]]:
    """The result of `recommend.selector.select`, and the facts of the chosen contents."""
    best_first = order.tolist()
    how = request.composition
    spread = diversity.spread(
        how,
        request.n,
        lambda place: reader.traits(best_first[place], counted=how.new_makers > 0.0),
        lambda place: reader.view.contents.names([best_first[place]])[0],
        served.vector if served else None,
        _less(reader, request),
        _again(found, best_first) if request.replays else None,
    )
    makers = lambda place: reader.makers(best_first[place])  # noqa: E731
    taken = selector.places(totals.tolist(), makers, request.n, how, spread)
    where = [dict(zip(one.contents.tolist(), range(len(one.contents)), strict=True)) for one in found]
    drawn = exploration.drawn(taken, len(best_first), how.exploration, request.draw)
    names = reader.view.contents.names([best_first[place] for place, _ in drawn])
    chosen = []
    for (place, propensity), name in zip(drawn, names, strict=True):
        number = int(order[place])
        said = [(one, at) for one, places in zip(found, where, strict=True) if (at := places.get(number)) is not None]
        said.sort(key=lambda voice: -float(voice[0].strengths[voice[1]]))
        told = tuple((one.source, _named(reader, request, one, at, name)) for one, at in said)
        parts = tuple(float(one.strengths[at]) / best for one, at in said)
        chosen.append(Scored(name, float(totals[place]), told, parts, propensity))
    return chosen, reader.facts(request, names)
