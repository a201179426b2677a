"""The ground truth of a generated network: who would watch and like what, and the best possible ranking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import scipy.sparse as sp

from generator import watching
from generator.chance import Array, numbers, stream
from generator.files import moments
from generator.follows import Follows
from generator.memory import State
from generator.profiles import Names
from generator.sessions import Sessions
from generator.tastes import SECOND, World
from graph.errors import InputError
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.top_k import top_k_left

__all__ = ["Truth", "ceiling", "load", "write"]

PROBED: Final = 2_000
"""Users for whom the ground truth is computed."""
KEPT: Final = 300
"""Contents saved for each of them: those with the highest odds."""
AGAIN: Final = 6
"""Draws of each of their views in each future."""


@dataclass(frozen=True)
class Truth:
    """The folder ``truth`` of a generated network."""

    facts: dict[str, Any]
    """Seed, cut-off (``cutoff`` in ms since 1970, ``cutoffAt`` as text), number of futures, weights."""
    users: pl.DataFrame
    """userId, vector (unit length), community, sociability, generosity."""
    contents: pl.DataFrame
    """contentId, vector (unit length), quality, community."""
    held_out: pl.DataFrame
    """userId, contentId, odds (expected views after the cut-off), engagement (expected if watched, 0..1)."""

    def odds(self, users: pl.Series, contents: pl.Series) -> sp.csr_array:
        """The true odds, users × contents in the given order, float32; rows of users that were not probed are empty."""
        table = self.held_out.join(_places(users, "userId", "row"), on="userId")
        table = table.join(_places(contents, "contentId", "column"), on="contentId")
        places = table["row"].to_numpy(), table["column"].to_numpy()
        found = sp.coo_array((table["odds"].to_numpy(), places), shape=(len(users), len(contents)))
        return sp.csr_array(found)

    def preference(self, users: pl.Series, contents: pl.Series) -> Array:
        """Expected engagement if each user watched each content, shape (users, contents) float32.

        It depends on taste only, not on which contents a user would come across.
        """
        ours = _places(users, "userId", "row").join(self.users, on="userId", how="left", maintain_order="left")
        theirs = _places(contents, "contentId", "column").join(
            self.contents, on="contentId", how="left", maintain_order="left"
        )
        affinity = _matrix(ours["vector"]) @ _matrix(theirs["vector"]).T
        return engagement(affinity, theirs["quality"].to_numpy()[None, :], ours["generosity"].to_numpy()[:, None])


def engagement(affinity: Array, quality: Array, generosity: Array) -> Array:
    """Expected engagement (0.55 progress, 0.15 commented, 0.20 shared, 0.10 liked) of a view, float32.

    The noise in progress is averaged by MacKay's approximation (Neural Computation 4, 1992).
    """
    mood = watching.pleasure(affinity, quality)
    will = mood + generosity
    progress = _logistic(mood / np.sqrt(1.0 + np.pi / 8.0 * 0.9**2))
    marks = 0.10 * _logistic(1.5 * will - 2.6) + 0.15 * _logistic(1.2 * will - 4.6) + 0.20 * _logistic(1.2 * will - 5.2)
    expected: Array = (0.55 * progress + marks).astype(np.float32)
    return expected


def write(
    folder: Path,
    world: World,
    names: Names,
    graph: Follows,
    visits: Sessions,
    state: State,
    cut: int,
    futures: int | None = None,
) -> None:
    """Write the latent tastes, and the odds of ``futures`` simulated futures that begin with session ``cut``.

    ``state`` is the state of the network at the beginning of that session; it is not changed.
    """
    folder.mkdir()
    people, catalogue = world.people, world.catalogue
    later = int(visits.length[cut:].sum())
    if futures is None:
        futures = int(np.clip(400_000 // max(later, 1), 2, 8))
    active = np.unique(visits.user[cut:])
    probed = np.sort(numbers(world.seed, "probed").permutation(active)[:PROBED])
    lived = np.empty(0, np.int64), np.empty(0, np.float64)
    for future in range(futures):
        memory = state.copy(stream(world.seed, f"future {future}"))
        row, content, odds = watching.choices(world, graph, visits, memory, cut, probed, AGAIN)
        pair = row.astype(np.int64) * world.sizes.contents + content
        lived = _added_up(np.concatenate([lived[0], pair]), np.concatenate([lived[1], odds / futures]))
    entries = pl.DataFrame({"row": lived[0] // world.sizes.contents, "content": lived[0] % world.sizes.contents})
    entries = entries.with_columns(odds=pl.Series(lived[1], dtype=pl.Float32))
    entries = entries.sort("row", "odds", "content", descending=[False, True, False])
    entries = entries.group_by("row", maintain_order=True).head(KEPT)
    user, content = probed[entries["row"].to_numpy()], entries["content"].to_numpy()
    affinity = np.einsum("ed,ed->e", people.vector[user], catalogue.vector[content])
    pl.DataFrame(
        {
            "userId": pl.Series(names.users[user]).cast(pl.String),
            "contentId": names.prefixed_contents.gather(content),
            "odds": entries["odds"],
            "engagement": engagement(affinity, catalogue.quality[content], people.generosity[user]),
        }
    ).write_parquet(folder / "held_out.parquet")
    pl.DataFrame(
        {
            "userId": pl.Series(names.users).cast(pl.String),
            "vector": people.vector,
            "community": people.community[:, 0],
            "sociability": people.sociability,
            "generosity": people.generosity,
        }
    ).write_parquet(folder / "users.parquet")
    pl.DataFrame(
        {
            "contentId": names.prefixed_contents,
            "vector": catalogue.vector,
            "quality": catalogue.quality,
            "community": catalogue.community,
        }
    ).write_parquet(folder / "contents.parquet")
    moment = int(visits.at[cut]) if cut < len(visits.at) else 0
    facts = {
        "seed": world.seed,
        "cutoff": moment // (SECOND // 1000),
        "cutoffAt": moments(np.array([moment]))[0],
        "heldOutViews": later,
        "futures": futures,
        "drawsOfEachView": AGAIN,
        "probedUsers": len(probed),
        "weights": {"taste": watching.TASTE, "quality": watching.QUALITY, "tie": watching.TIE},
    }
    (folder / "truth.json").write_text(json.dumps(facts, indent=2) + "\n")


def load(folder: Path) -> Truth:
    """Read the truth of a generated network from its folder. Raises InputError where there is none."""
    place = folder / "truth"
    try:
        tables = [pl.read_parquet(place / f"{name}.parquet") for name in ("users", "contents", "held_out")]
        return Truth(json.loads((place / "truth.json").read_text()), *tables)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{folder} holds no readable truth.", do="Name a folder of `entourage generate`.") from error


def ceiling(
    truth: Truth, users: pl.Series, contents: pl.Series, seen: sp.csr_array, held_out: sp.csr_array, k: int = 20
) -> tuple[float, Array]:
    """The best expected NDCG@k on the watches after ``truth.facts["cutoff"]``, and the rows of its users.

    Each probed user is recommended the ``k`` unseen contents of highest true odds. No ranking by data from before the
    cut-off is better on average; the rest to 1 is chance, and with few futures partly the error of the odds. ``users``
    and ``contents`` are ids in the order of the rows and columns of ``seen`` (watched before the cut-off) and
    ``held_out`` (watched after it; every entry counts as one hit). The mean is over the probed users with held-out
    contents.
    """
    odds = truth.odds(users, contents)
    judged = np.flatnonzero((np.diff(odds.indptr) > 0) & (np.diff(held_out.indptr) > 0))
    if not len(judged):
        return float("nan"), judged
    ids = np.full((len(judged), k), -1, dtype=np.int64)
    for place, user in enumerate(judged):
        scores = odds[[user]].toarray().astype(np.float32)
        best, _ = top_k_left(scores, k, (0, seen.indices[seen.indptr[user] : seen.indptr[user + 1]]))
        ids[place] = best[0]
    values = ndcg(judge(ids, sp.csr_array(held_out[judged])), k)
    return float(values.mean()), judged


def _added_up(pairs: Array, odds: Array) -> tuple[Array, Array]:
    """Each pair once, ascending, with the sum of its odds."""
    order = np.argsort(pairs, kind="stable")
    unique, begin = np.unique(pairs[order], return_index=True)
    return unique, np.add.reduceat(odds[order], begin) if len(unique) else odds


def _places(ids: pl.Series, key: str, place: str) -> pl.DataFrame:
    return pl.DataFrame({key: ids, place: np.arange(len(ids))})


def _matrix(vectors: pl.Series) -> Array:
    matrix: Array = vectors.to_numpy()
    return matrix


def _logistic(value: Array) -> Array:
    answer: Array = 1.0 / (1.0 + np.exp(-value))
    return answer
