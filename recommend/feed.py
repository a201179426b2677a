"""The answer to a request: frozen dataclasses that the service turns into JSON and the command into a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from recommend.sentences import Reason

__all__ = ["RUNGS", "Feed", "Link", "Node", "Outcome", "Person", "Recommendation", "Rung", "Subgraph"]

Rung = Literal["model", "graph", "friends", "trending", "popular"]
Outcome = Literal["answered", "late", "failed", "unavailable"]
"""Outcome of a source or a stage; unavailable: the database did not answer."""

#: The fallbacks for users that the model does not know, in order; the answer names the one that was used.
RUNGS: Final[tuple[Rung, ...]] = ("model", "graph", "friends", "trending", "popular")


@dataclass(frozen=True)
class Recommendation:
    """One ranked content."""

    content_id: str
    """Prefixed: "keaks/123"."""
    kind: str
    """keak, beat or track."""
    score: float
    """0..1, comparable within one feed only."""
    sources: tuple[str, ...]
    """Names of the sources that proposed it, the strongest first."""
    reasons: tuple[Reason, ...] = ()
    """The strongest first; empty when the request did not ask for reasons, or ``late`` or ``failed`` names them."""
    link: str | None = None
    """The address at which the content plays, if the graph has it."""
    made_by: tuple[str, ...] = ()
    """Bare ids of its makers, if the graph knows; not of those who are marked private."""
    display_names: Mapping[str, str] = field(default_factory=dict)
    """What to show in place of the ids mentioned here, by "users/1" and "keaks/1"; of those that have a name."""
    propensity: float | None = None
    """The probability with which it was put at its place; None where nothing is drawn at random."""


@dataclass(frozen=True)
class Feed:
    """The answer to one request: ranked contents, best first, with their origin."""

    request_id: str
    user_id: str
    items: tuple[Recommendation, ...]
    model_version: str | None
    """None when no model took part."""
    rung: Rung
    degraded: bool
    """Whether anything is missing: ``graph_down``, ``late`` or ``failed`` says what."""
    graph_down: bool = False
    """Whether Neo4j did not answer: what is younger than the snapshot is missing."""
    late: tuple[str, ...] = ()
    """Sources and stages left out because the deadline came first."""
    failed: tuple[str, ...] = ()
    """Sources and stages left out because of an error, which the log has."""
    debug: Mapping[str, Any] | None = None
    """`recommend.account.Account.of`, where the request asked for it."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """Outcome of each source and stage that was asked."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    """The time that each stage took."""
    processor_ms: Mapping[str, float] = field(default_factory=dict)
    """The processor time of each stage, in the thread that answers."""


@dataclass(frozen=True)
class Person:
    """Somebody to follow, or somebody who resembles the reader."""

    user_id: str
    mutual_count: int
    """People one follows who follow this person, of those that were looked at."""
    mutual: tuple[str, ...]
    """Bare ids of a few of them who may be named."""
    score: float
    """0..1, comparable within one answer only."""
    sources: tuple[str, ...] = ()
    """The sources of the proposal, strongest first: friends_of_friends, same_taste."""
    shared_count: int = 0
    """Contents that both watched, of those that were looked at."""
    shared: tuple[str, ...] = ()
    """Ids of a few of them, those with the smallest audience first."""
    followed: bool = False
    """Whether the reader follows them already."""
    reasons: tuple[Reason, ...] = ()
    display_names: Mapping[str, str] = field(default_factory=dict)
    """What to show in place of the ids mentioned here, by "users/1" and "keaks/1"; of those that have a name."""


@dataclass(frozen=True)
class Node:
    """One node of a subgraph."""

    id: str
    """Prefixed, and so unique: users/1, keaks/1, beats/1, genres/1, moods/1, hashtags/fun."""
    label: str
    """User, Keak, Beat, Genre, Mood or Hashtag."""
    name: str
    """The name or title to show; where there is none, the bare id of a user or the prefixed id of a content."""
    depth: int
    """Steps from the user asked about, who has 0."""


@dataclass(frozen=True)
class Link:
    """One relationship of a subgraph, in the direction it has in the graph."""

    source: str
    target: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subgraph:
    """A sample of a user's neighbourhood, for drawing."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
