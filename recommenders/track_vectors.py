"""Vectors of tracks: from their texts, and from how much was heard of them in the same sessions."""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import Final

import numba
import numpy as np
import scipy.sparse as sp

from recommenders.core.config import CORE
from recommenders.core.singular import right_singular_vectors
from recommenders.core.top_k import Floats, Ints

__all__ = ["heard_vectors", "text_vectors"]

_WORD: Final = re.compile(r"\w+")


def text_vectors(texts: list[str]) -> Floats:
    """TF-IDF of the words and three-letter parts of each text, hashed, then SVD, as unit rows.

    Shape (texts, `CoreConfig.text_dim`), or fewer columns where there are fewer texts. Case and accents are forgiven.
    Rows of texts without words are 0.
    """
    row_list: list[int] = []
    column_list: list[int] = []
    for row, text in enumerate(texts):
        plain = unicodedata.normalize("NFKD", text.lower())
        words = _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))
        parts = {f"w{word}" for word in words}
        parts |= {f"{word}_"[at : at + 3] for word in (f"_{word}" for word in words) for at in range(len(word) - 1)}
        column_list += [zlib.crc32(part.encode()) % CORE.text_columns for part in parts]
        row_list += [row] * len(parts)
    pairs = np.array(row_list, dtype=np.int64), np.array(column_list, dtype=np.int64)
    matrix = sp.csr_array((np.ones(len(row_list), dtype=np.float32), pairs), shape=(len(texts), CORE.text_columns))
    carriers = np.bincount(matrix.indices, minlength=CORE.text_columns)
    matrix.data *= np.log(len(texts) / np.maximum(carriers, 1)).astype(np.float32)[matrix.indices]
    lengths = _norms(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float32))
    matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
    basis = right_singular_vectors(matrix, CORE.text_dim, rounds=CORE.text_svd_rounds)
    found = np.asarray(matrix @ basis, dtype=np.float32)
    known = np.diff(matrix.indptr) > 0
    found[known] -= found[known].mean(axis=0) if known.any() else 0.0
    return np.asarray(found / _norms((found * found).sum(axis=1))[:, None], dtype=np.float32)


def heard_vectors(session: Ints, track: Ints, value: Floats, artists: Ints, dim: int, seed: int = 0) -> Floats:
    """Vectors whose products with a session's vector give ``value``, by alternating least squares: (contents, ``dim``).

    A track's vector is its artist's and one of its own; both stay near 0 where little was heard. ``session`` ascends.
    Scaled so that those of heard tracks have a mean length of 1.
    """
    found = np.zeros((len(artists), dim), dtype=np.float32)
    if not len(session):
        return found
    rng = np.random.default_rng(seed)
    number = np.unique(session, return_inverse=True)[1]
    sessions = int(number[-1]) + 1
    own = np.zeros((len(artists), dim))
    of_artist = CORE.heard_start * rng.standard_normal((int(artists.max()) + 1, dim))
    by_session = np.searchsorted(number, np.arange(sessions + 1))
    by_track, by_artist = np.argsort(track, kind="stable"), np.argsort(artists[track], kind="stable")
    track_start = np.searchsorted(track[by_track], np.arange(len(artists) + 1))
    artist_start = np.searchsorted(artists[track][by_artist], np.arange(len(of_artist) + 1))
    straight = np.arange(len(track))
    target = value.astype(np.float64)
    for _ in range(CORE.heard_sweeps):
        items = of_artist[artists[track]] + own[track]
        sessions_ = _solve(by_session, straight, items, target, CORE.session_ridge)[number]
        left = target - np.einsum("nd,nd->n", sessions_, own[track])
        of_artist = _solve(artist_start, by_artist, sessions_, left, CORE.artist_ridge)
        left = target - np.einsum("nd,nd->n", sessions_, of_artist[artists[track]])
        own = _solve(track_start, by_track, sessions_, left, CORE.track_ridge)
    found[:] = of_artist[artists] + own
    length = float(np.mean(np.sum(found[np.unique(track)] ** 2, axis=1)))
    return np.asarray(found / np.sqrt(max(length, 1e-9)), dtype=np.float32)


@numba.njit(cache=True)
def _solve(starts, order, vectors, target, ridge):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """For each group of rows, the least-squares coefficients of ``target`` on ``vectors``, with a ridge."""
    dim = vectors.shape[1]
    found = np.zeros((len(starts) - 1, dim))
    for group in range(len(starts) - 1):
        if starts[group] == starts[group + 1]:
            continue
        gram = np.zeros((dim, dim))
        right = np.zeros(dim)
        for place in range(starts[group], starts[group + 1]):
            row = vectors[order[place]]
            aim = target[order[place]]
            for i in range(dim):
                right[i] += row[i] * aim
                for j in range(i + 1):
                    gram[i, j] += row[i] * row[j]
        for i in range(dim):
            for j in range(i):
                gram[j, i] = gram[i, j]
            gram[i, i] += ridge
        found[group] = np.linalg.solve(gram, right)
    return found


def _norms(squares: Floats) -> Floats:
    lengths = np.sqrt(squares)
    return np.asarray(np.where(lengths > 1e-9, lengths, 1.0), dtype=np.float32)
