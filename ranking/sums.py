"""Sums over a user's neighbours for that user's candidates only: compiled, without a matrix for every user.

Arrays named ``x_indptr``, ``x_indices`` and ``x_data`` are those of a sparse matrix by rows; ``indptr`` and
``contents`` are those of `ranking.candidates.Candidates`, whose users are ``users``.
"""

from __future__ import annotations

import numba
import numpy as np

# mypy: disable-error-code="no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202

__all__ = ["means_of_neighbours", "means_of_traits", "sums_over_friends"]


@numba.njit(cache=True, nogil=True)
def sums_over_friends(
    users, indptr, contents, friends_indptr, friends_indices, friends_data, seen_indptr, seen_indices, seen_data,
    place, found,
):  # fmt: skip
    """Add to ``found`` (rows,), for every candidate, what the user's friends have of it in ``seen``.

    ``place`` (contents,) is scratch of -1.
    """
    for row, user in enumerate(users):
        for at in range(indptr[row], indptr[row + 1]):
            place[contents[at]] = at
        for link in range(friends_indptr[user], friends_indptr[user + 1]):
            friend, weight = friends_indices[link], friends_data[link]
            for watch in range(seen_indptr[friend], seen_indptr[friend + 1]):
                at = place[seen_indices[watch]]
                if at >= 0:
                    found[at] += weight * seen_data[watch]
        for at in range(indptr[row], indptr[row + 1]):
            place[contents[at]] = -1


@numba.njit(cache=True, nogil=True)
def means_of_neighbours(users, indptr, contents, mine_indptr, mine_indices, mine_data, has_indptr, has_indices):
    """For every candidate the mean of its user's row of ``mine`` over the columns that the content ``has``; (rows,).

    The columns of a row of ``mine`` ascend.
    """
    found = np.zeros(len(contents), dtype=np.float32)
    for row, user in enumerate(users):
        first, last = mine_indptr[user], mine_indptr[user + 1]
        _means(
            indptr[row], indptr[row + 1], contents, mine_indices[first:last], mine_data[first:last], has_indptr,
            has_indices, found,
        )  # fmt: skip
    return found


@numba.njit(cache=True, nogil=True)
def means_of_traits(users, indptr, contents, seen_indptr, seen_indices, seen_data, has_indptr, has_indices, has_data):
    """The same with how often each trait occurs among what the user has ``seen`` (users × contents); (rows,)."""
    found = np.zeros(len(contents), dtype=np.float32)
    for row, user in enumerate(users):
        count = 0
        for watch in range(seen_indptr[user], seen_indptr[user + 1]):
            count += has_indptr[seen_indices[watch] + 1] - has_indptr[seen_indices[watch]]
        traits = np.empty(count, dtype=np.int64)
        values = np.empty(count, dtype=np.float32)
        count = 0
        for watch in range(seen_indptr[user], seen_indptr[user + 1]):
            content = seen_indices[watch]
            for link in range(has_indptr[content], has_indptr[content + 1]):
                traits[count] = has_indices[link]
                values[count] = seen_data[watch] * has_data[link]
                count += 1
        order = np.argsort(traits, kind="mergesort")  # stable, so that sums are taken in the order of the watches
        distinct = 0
        columns = np.empty(count, dtype=np.int64)
        summed = np.zeros(count, dtype=np.float32)
        for at in order:
            if distinct == 0 or columns[distinct - 1] != traits[at]:
                columns[distinct] = traits[at]
                distinct += 1
            summed[distinct - 1] += values[at]
        _means(
            indptr[row], indptr[row + 1], contents, columns[:distinct], summed[:distinct], has_indptr, has_indices,
            found,
        )  # fmt: skip
    return found


@numba.njit(cache=True, nogil=True)
def _means(first, last, contents, columns, values, has_indptr, has_indices, found):
    for at in range(first, last):
        start, end = has_indptr[contents[at]], has_indptr[contents[at] + 1]
        total = 0.0
        for link in range(start, end):
            place = np.searchsorted(columns, has_indices[link])
            if place < len(columns) and columns[place] == has_indices[link]:
                total += values[place]
        if end > start:
            found[at] = total / (end - start)
