"""Words of a search, as the full-text index of the graph wants them: without case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

__all__ = ["folded", "queries", "words_of"]

_WORD: Final = re.compile(r"\w+|[\u2600-\u27bf\U0001f000-\U0001faff]")
_MOST: Final = 10
"""Words of one search; more are not looked at."""
#: Letters that are no other letter with an accent, as the index folds them.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)


def folded(text: str) -> str:
    """The text in lower case, without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.lower().translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """The words of a search; more than ten are not looked at."""
    return _WORD.findall(text)[:_MOST]


def queries(text: str) -> Iterator[str]:
    """What to ask of the index, in Lucene's notation, until something is found.

    All words, as they are or as the beginning of a word; then any of them; then all of them somewhere inside a word.
    An empty text where there is no word at all.
    """
    words = words_of(text)
    if not words:
        yield ""
        return
    begun = [f'({folded(word)}* "{word}")' for word in words]
    yield " ".join(f"+{word}" for word in begun)
    if len(words) > 1:
        yield " ".join(begun)
    yield " ".join(f"+*{folded(word)}*" for word in words)
