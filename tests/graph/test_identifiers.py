import pytest

from graph.identifiers import MAX_BYTES, canonical, canonical_content, canonical_user


@pytest.mark.parametrize(
    "text",
    ["AC/DC", "at://did:plc:abc/app.feed.post/3k", "https://example.org/a?b=1&c=%20d", "🎵", "two\nlines", "a b"],
)
def test_ids_of_other_systems_stay_as_they_are(text: str) -> None:
    assert canonical(text) == text


def test_both_spellings_of_an_accent_are_one_id() -> None:
    assert canonical("E\u0301te\u0301") == canonical("Été") == "Été"


@pytest.mark.parametrize(
    "text", ["", "  ", "a\x00b", "a\tb", "\ud800", "x" * (MAX_BYTES + 1), "é" * (MAX_BYTES // 2 + 1)]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an id"):
        canonical(text)


def test_a_person_has_one_id_with_or_without_prefix() -> None:
    assert canonical_user("users/u1") == canonical_user("u1") == "u1"
    with pytest.raises(ValueError, match="empty"):
        canonical_user("users/")


@pytest.mark.parametrize("text", ["1.0", "2.5", r"\N"])
def test_ids_of_tracks_are_texts(text: str) -> None:
    assert canonical_content(f"tracks/{text}") == f"tracks/{text}"


def test_ids_of_keaks_and_beats_are_whole() -> None:
    assert [canonical_content(f"{kind}/1.0") for kind in ("keaks", "beats")] == ["keaks/1", "beats/1"]
    with pytest.raises(ValueError, match="whole"):
        canonical_content("keaks/2.5")
