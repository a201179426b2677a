"""The guide of Neo4j Browser: every question of ``explore/``, in HTML for Browser 5 and in AsciiDoc for newer ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

import cypher

__all__ = ["PARAMETERS", "Question", "asciidoc", "html", "questions", "style"]

#: The questions of the guide in its order, by group.
_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "The network": ("network_at_a_glance",),
    "People": (
        "most_followed",
        "cohorts_by_month",
        "who_came_back",
        "quiet_people",
        "mutual_follows",
        "circle_of_a_user",
        "shortest_path",
        "taste_of_friends",
        "bridges_between_communities",
        "ratio_by_degree",
    ),
    "Contents": (
        "most_watched",
        "rising",
        "never_watched",
        "age_when_watched",
        "ratio_by_length",
        "spread_along_follows",
        "spread_to_draw",
        "makers_by_audience",
        "beats_that_carry",
        "genres_heard",
        "genres_by_cohort",
        "hashtags_together",
    ),
    "Playlists": ("playlists_together", "playlists_of_a_track"),
    "Artists": ("artists_heard_together",),
    "Sessions": ("sessions_by_arm", "plays_of_a_user"),
    "The service": ("why_this_content", "most_hidden", "events_of_a_day"),
    "The data": ("degree_outliers", "orphans", "times_that_lie"),
}
#: Parameter → what stands in the guide, in Cypher, where nobody is known.
PARAMETERS: Final[dict[str, str]] = {
    "userId": "'1'",
    "otherId": "'2'",
    "contentId": "'keaks/1'",
    "contentIds": "['keaks/1']",
    "trackId": "'tracks/1'",
    "now": "timestamp()",
    "day": "timestamp() - 86400000",
}
_MODEL: Final = (
    "(:User)-[:FOLLOWS]->(:User)",
    "(:User)-[:WATCHED|MADE|HID]->(:Content)",
    "(:Keak)-[:USES]->(:Beat)-[:HAS_GENRE]->(:Genre)",
    "(:Keak)-[:TAGGED]->(:Hashtag)",
    "(:Playlist)-[:HOLDS]->(:Track)-[:PERFORMED_BY]->(:Artist)",
    "(:User)-[:WATCH_RATIO]->(:Keak)",
    "(:User)-[:OPENED]->(:Session)-[:PLAYED]->(:Track)",
)
_INTRODUCTION: Final = (
    "People follow people, watch keaks and beats, and make them. These and tracks are contents. Click a query to put "
    "it into the editor, then run it. Times are milliseconds since 1970: datetime({epochMillis: watched.lastAt}) is "
    "readable."
)
_STYLE: Final = "Colours and captions, once:"
_SET: Final = "Parameters, first:"


@dataclass(frozen=True)
class Question:
    """One query of ``explore/`` and what its comment says."""

    name: str
    group: str
    title: str
    text: str
    """The question that the query answers."""
    parameters: tuple[str, ...]
    """Names of the parameters, in the order in which the query has them."""
    columns: str
    query: str


def questions() -> Iterator[Question]:
    """Every question of ``explore/``, in the guide's order."""
    for group, names in _ORDER.items():
        for name in names:
            lines = cypher.load(f"explore/{name}").splitlines()
            comment = " ".join(line.removeprefix("//").strip() for line in lines if line.startswith("//"))
            query = "\n".join(line for line in lines if not line.startswith("//"))
            text, _, rest = comment.partition(" Parameters: ")
            yield Question(
                name,
                group,
                name.replace("_", " ").capitalize(),
                text,
                tuple(dict.fromkeys(re.findall(r"\$(\w+)", query))),
                rest.partition(" Columns: ")[2],
                query,
            )


def html(values: Mapping[str, str], address: str) -> str:
    """The guide in HTML: a slide a question.

    ``values`` holds Cypher for some of ``PARAMETERS``; ``address`` is the service's, which has the style.
    """
    known = PARAMETERS | dict(values)
    model = "<br>".join(f"<code>{escape(line)}</code>" for line in _MODEL)
    first = f"<p>{escape(_INTRODUCTION)}</p>\n<p>{model}</p>\n<p>{_STYLE}</p>\n{_runnable(_style(address))}"
    slides = [_slide("Entourage", first)]
    for one in questions():
        parts = [f"<p>{escape(one.text)}</p>"]
        if one.parameters:
            parts.append(f"<p>{_SET}</p>")
            parts += [_runnable(f":param {name} => {known[name]}") for name in one.parameters]
        parts.append(f'<pre class="pre-scrollable code runnable">\n{escape(one.query)}\n</pre>')
        parts.append(f"<p>Columns: {escape(one.columns)}</p>")
        slides.append(_slide(f"{one.group}: {one.title.lower()}", "\n".join(parts)))
    body = "\n".join(slides)
    return f'<article class="guide">\n<carousel class="deck container-fluid">\n{body}\n</carousel>\n</article>\n'


def asciidoc(values: Mapping[str, str], address: str) -> str:
    """The guide in AsciiDoc: a section a question; arguments as for `html`."""
    known = PARAMETERS | dict(values)
    parts = ["= Entourage", "", _INTRODUCTION, "", *(f"* `+{line}+`" for line in _MODEL), ""]
    parts += [_STYLE, "", *_source(_style(address))]
    for one in questions():
        parts += [f"== {one.group}: {one.title.lower()}", "", one.text, ""]
        if one.parameters:
            parts += [_SET, ""]
        for name in one.parameters:
            parts += _source(f":param {name} => {known[name]}")
        parts += [*_source(one.query), f"Columns: {one.columns}", ""]
    return "\n".join(parts)


def style(*, people: bool, contents: bool) -> str:
    """Colours and captions: names of ``people`` and titles of ``contents`` where most have one, else ids."""
    text = (cypher.folder / "explore" / "entourage.grass").read_text("utf-8")
    if not people:
        text = _captioned(text, ("User",), "userId")
    return text if contents else _captioned(text, ("Keak", "Beat", "Track"), "contentId")


def _captioned(text: str, labels: tuple[str, ...], key: str) -> str:
    rule = rf'(node\.(?:{"|".join(labels)}) {{[^}}]*caption: "){{\w+}}"'
    return re.sub(rule, rf'\g<1>{{{key}}}"', text)


def _style(address: str) -> str:
    return f":style {address}/browser/entourage.grass"


def _slide(title: str, body: str) -> str:
    return f'<slide class="row-fluid">\n<div class="col-sm-12">\n<h3>{escape(title)}</h3>\n{body}\n</div>\n</slide>'


def _runnable(command: str) -> str:
    return f'<pre class="pre-scrollable code runnable">{escape(command)}</pre>'


def _source(text: str) -> list[str]:
    return ["[source,cypher]", "----", text, "----", ""]
