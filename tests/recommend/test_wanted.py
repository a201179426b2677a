"""What a feed is narrowed to, against a naive loop over the facts of drawn graphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recommend.wanted import EVERYTHING, Wanted
from tests.recommend.drawn_graph import CONTENTS, DAY, GENRES, HASHTAGS, USERS, Drawn, graphs, snapshot

_SOME = st.builds(
    Wanted,
    genres=st.frozensets(st.sampled_from(GENRES)),
    hashtags=st.frozensets(st.sampled_from([*HASHTAGS, "unknown"])),
    makers=st.frozensets(st.sampled_from([*USERS, "nobody"])),
    since=st.sampled_from([None, 1, 3]),
)


def naive(drawn: Drawn, wanted: Wanted, content: str) -> bool:
    """One content, by the words of `Wanted`."""
    own = {genre for one, genre in drawn.genres if one == content}
    beats = {beat for keak, beat in drawn.uses if keak == content}
    genres = own | {genre for one, genre in drawn.genres if one in beats}
    tags = {tag for one, tag in drawn.tagged if one == content}
    makers = {user for user, one in drawn.made if one == content} - drawn.private
    created = drawn.at(drawn.created[content])
    sorts = ((wanted.genres, genres), (wanted.hashtags, tags), (wanted.makers, makers))
    young = wanted.since is None or (created is not None and created >= wanted.since)
    return young and all(not asked or asked & have for asked, have in sorts)


@given(graphs(), _SOME)
def test_wanted_contents_are_those_of_a_naive_loop(drawn: Drawn, some: Wanted) -> None:
    since = some.since and drawn.now - some.since * DAY
    wanted = Wanted(some.genres, some.moods, some.hashtags, some.makers, since)
    mask = wanted.mask(snapshot(drawn))
    assert mask.tolist() == [naive(drawn, wanted, content) for content in CONTENTS]


def test_values_are_taken_as_people_write_them() -> None:
    wanted = Wanted.of(["genres/3", " Hip Hop "], ["Sad"], ["#Fun", "hashtags/night"], ["7"])
    assert wanted == Wanted(
        frozenset({"3", "hip hop"}), frozenset({"sad"}), frozenset({"fun", "night"}), frozenset({"7"})
    )
    assert wanted
    assert not Wanted.of()
    assert EVERYTHING.parameters == dict.fromkeys(("genres", "moods", "hashtags", "makers", "since"))
