"""A report on a generated network: its statistics next to those of real networks, if these are available."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from generator import observed, truth
from generator.chance import Array
from generator.observed import Network
from graph import schema
from recommenders.core.inequality import gini

__all__ = ["write_report"]

_COLOURS: Final = ("#1f5fa8", "#d1603d", "#3f8f5b")


def write_report(folder: Path, data: Path | None = None) -> Path:
    """Write ``report.md`` and ``report.png`` into the folder of a generated network; returns the path of the former.

    ``data`` is the folder of real networks to compare with; None is ``ENTOURAGE_DATA``, or no comparison without it.
    """
    data = data or observed.shared_data()
    networks = [observed.generated(folder)]
    if data is not None:
        networks += [
            read(data)
            for name, read in (("lastfm", observed.lastfm), ("deezer-hu", observed.deezer))
            if (data / name).is_dir()
        ]
    circles = [network.clustering() for network in networks]
    likeness = [network.likeness() for network in networks]
    _draw(folder, networks, circles, likeness)
    report = folder / "report.md"
    report.write_text(_text(folder, networks, circles, likeness))
    return report


def _text(
    folder: Path, networks: list[Network], circles: list[tuple[Array, Array]], likeness: list[tuple[float, float]]
) -> str:
    facts = json.loads((folder / "generated.json").read_text())
    rows: dict[str, list[str]] = {
        "people": [f"{n.people:,}" for n in networks],
        "follows (friendships count twice)": [f"{len(n.follower):,}" for n in networks],
        "followed per person, mean / median / most": [_spread(n.following) for n in networks],
        "followers, mean / median / most": [_spread(n.followers) for n in networks],
        "Gini of followers": [f"{gini(n.followers):.2f}" for n in networks],
        "mutual follows": [f"{n.reciprocity:.0%}" if n.directed else "friendship" for n in networks],
        "clustering (by chance)": [
            f"{shares.mean():.3f} ({n.clustering_by_chance:.5f})" if len(shares) else "–"
            for n, (_, shares) in zip(networks, circles, strict=True)
        ],
        "likeness of connected people (of any two)": [
            "–" if np.isnan(near) else f"{near:.3f} ({far:.3f}), {near / max(far, 1e-9):.1f} times"
            for near, far in likeness
        ],
        "views per person, mean / median / most": [_spread(n.activity) for n in networks],
        "views of a content, mean / median / most": [_spread(n.popularity) for n in networks],
        "views that go to the top 1 % / 10 % of contents": [
            f"{_top(n.popularity, 0.01):.0%} / {_top(n.popularity, 0.1):.0%}" if len(n.popularity) else "–"
            for n in networks
        ],
    }
    lines = [
        f"# {folder.name}: a generated network compared with real ones",
        "",
        f"Seed {facts['seed']}; " + ", ".join(f"{count:,} {name}" for name, count in facts["sizes"].items()) + ".",
        "",
        "![degrees, activity, popularity, likeness, clustering and time](report.png)",
        "",
        "| | " + " | ".join(network.name for network in networks) + " |",
        "|---|" + "---:|" * len(networks),
        *(f"| {name} | " + " | ".join(values) + " |" for name, values in rows.items()),
        "",
        'Likeness is the mean cosine of what two people watched, listened to or (Deezer) the genres they like. "Any '
        'two" matches the same followers and followed people at random. Clustering is over sampled people with two or '
        "more contacts.",
        "",
        *_against_truth(folder),
    ]
    return "\n".join(lines) + "\n"


def _against_truth(folder: Path) -> list[str]:
    """How choices and progress of the views agree with the true tastes."""
    true = truth.load(folder)
    user, content, _, progress, *marks = schema.AUDIENCE_COLUMNS
    views = observed.scan(folder, "audiences.csv").head(200_000).collect()
    views = views.with_columns(pl.col(user).str.strip_prefix(schema.USER_PREFIX))
    views = views.join(true.users.select(pl.col("userId").alias(user), pl.col("vector").alias("ours")), on=user)
    views = views.join(
        true.contents.select(pl.col("contentId").alias(content), pl.col("vector").alias("its")), on=content
    )
    if not len(views):
        return []
    ours, its = views["ours"].to_numpy(), views["its"].to_numpy()
    affinity = np.einsum("nd,nd->n", ours, its)
    any_two = np.einsum("nd,nd->n", ours, np.random.default_rng(0).permutation(its))
    lines = [
        f"Of {len(views):,} views, mean true affinity (cosine of taste and content, -1 to 1) is {affinity.mean():.2f}; "
        f"with the same contents assigned to people at random it is {any_two.mean():.2f}. Correlation of affinity with "
        f"progress: {np.corrcoef(affinity, views[progress].to_numpy())[0, 1]:.2f}.",
        "",
        "| affinity | views | mean progress in % | liked | commented | shared |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    edges = np.array([-1.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    for low, high in itertools.pairwise(edges):
        some = (affinity >= low) & (affinity < high)
        if some.any():
            values = [f"{views[mark].to_numpy()[some].mean():.1%}" for mark in marks]
            mean = views[progress].to_numpy()[some].mean()
            lines.append(f"| {low:.1f} to {high:.1f} | {some.sum():,} | {mean:.1f} | " + " | ".join(values) + " |")
    return lines


def _spread(counts: Array) -> str:
    return f"{counts.mean():,.1f} / {np.median(counts):,.0f} / {counts.max():,}" if len(counts) else "–"


def _top(counts: Array, share: float) -> float:
    ordered = np.sort(counts)[::-1]
    return float(ordered[: max(1, round(share * len(ordered)))].sum() / ordered.sum())


def _draw(
    folder: Path, networks: list[Network], circles: list[tuple[Array, Array]], likeness: list[tuple[float, float]]
) -> None:
    figure = Figure(figsize=(15, 8.4), layout="constrained")
    upper, lower = figure.subplots(2, 3)
    for network, colour in zip(networks, _COLOURS, strict=False):
        _tail(upper[0], network.followers, network.name + (", followers" if network.directed else ", friends"), colour)
        if network.directed:
            _tail(upper[0], network.following, network.name + ", following", colour, style="--")
        if len(network.activity):
            _tail(upper[1], network.activity, network.name, colour)
            _rank(upper[2], network.popularity, network.name, colour)
    upper[0].set(
        title="How many people each person is connected with", xlabel="people", ylabel="share with so many or more"
    )
    upper[1].set(title="Activity", xlabel="views (listens) per person", ylabel="share with so many or more")
    upper[2].set(title="Popularity", xlabel="share of contents, most popular first", ylabel="share of all views")
    upper[2].plot([0, 1], [0, 1], color="#999", lw=0.8, ls=":", label="all alike")
    _likeness(lower[0], networks, likeness)
    for network, colour, (degree, share) in zip(networks, _COLOURS, circles, strict=False):
        _by_degree(lower[1], degree, share, network, colour)
    lower[1].set(
        title="Clustering (dotted: by chance)", xlabel="contacts", ylabel="share of contacts that are connected"
    )
    _over_time(lower[2], folder)
    for axes in upper:
        axes.legend(frameon=False, fontsize=8)
    if lower[1].has_data():
        lower[1].legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 0.1))
    for axes in (*upper, *lower):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(axes.get_title(), loc="left", fontsize=11)
        if axes.get_title(loc="left"):
            axes.set_title("", loc="center")
    figure.savefig(folder / "report.png", dpi=110)


def _tail(axes: Axes, counts: Array, label: str, colour: str, style: str = "-") -> None:
    """Draw the share of people with at least so many, on logarithmic scales."""
    values, times = np.unique(counts[counts > 0], return_counts=True)
    if len(values):
        axes.loglog(values, np.cumsum(times[::-1])[::-1] / len(counts), color=colour, ls=style, lw=1.6, label=label)


def _rank(axes: Axes, counts: Array, label: str, colour: str) -> None:
    ordered = np.sort(counts)[::-1]
    pick = np.unique(np.linspace(0, len(ordered) - 1, 400).astype(int))
    share = np.cumsum(ordered) / ordered.sum()
    axes.plot((pick + 1) / len(ordered), share[pick], color=colour, lw=1.6, label=label)


def _likeness(axes: Axes, networks: list[Network], likeness: list[tuple[float, float]]) -> None:
    places = np.arange(len(networks))
    for offset, which, label in ((-0.2, 0, "connected"), (0.2, 1, "any two")):
        values = [pair[which] for pair in likeness]
        colours = [colour if which == 0 else "#bbbbbb" for colour in _COLOURS[: len(networks)]]
        bars = axes.bar(places + offset, values, width=0.38, color=colours)
        shown = ["–" if np.isnan(value) else f"{value:.3f}" for value in values]
        axes.bar_label(bars, [f"{label}\n{value}" for value in shown], fontsize=8, padding=2)
    axes.set_xticks(places, [network.name for network in networks])
    axes.set(title="Homophily: likeness of what two people watched", ylabel="mean cosine")
    axes.margins(y=0.18)


def _by_degree(axes: Axes, degree: Array, share: Array, network: Network, colour: str) -> None:
    if not len(degree):  # nobody has two contacts
        return
    edges = np.unique(np.geomspace(2, max(degree.max(), 3) + 1, 12).astype(int))
    bins = np.digitize(degree, edges)
    filled = [b for b in np.unique(bins) if (bins == b).sum() >= 10]
    axes.loglog(
        [degree[bins == b].mean() for b in filled], [max(share[bins == b].mean(), 1e-5) for b in filled],
        "o-", ms=3.5, color=colour, lw=1.4, label=network.name,
    )  # fmt: skip
    axes.axhline(network.clustering_by_chance, color=colour, lw=0.9, ls=":")


def _over_time(axes: Axes, folder: Path) -> None:
    at = pl.col(schema.AUDIENCE_COLUMNS[2])
    day = at.str.slice(0, 10).str.to_date(strict=False).alias("day")
    days = observed.scan(folder, "audiences.csv").select(day).group_by("day").len().drop_nulls().sort("day")
    counted = days.collect(engine="streaming").sort("day").group_by_dynamic("day", every="1w").agg(pl.col("len").sum())
    counted = counted[1:-1] if len(counted) > 3 else counted  # the first and the last week are incomplete
    axes.fill_between(counted["day"].to_numpy(), counted["len"].to_numpy(), color=_COLOURS[0], alpha=0.3, lw=0)
    axes.plot(counted["day"].to_numpy(), counted["len"].to_numpy(), color=_COLOURS[0], lw=1.2)
    cut = json.loads((folder / "truth" / "truth.json").read_text()).get("cutoff")
    if cut:
        moment = cut / 86_400_000  # days since 1970, as matplotlib counts them
        axes.axvline(moment, color="#555", lw=1, ls="--")
        axes.annotate(" held out", (moment, 0.05), xycoords=("data", "axes fraction"), fontsize=9)
    axes.set(title="Views a week", ylim=(0, None))
    axes.tick_params(axis="x", rotation=30)
