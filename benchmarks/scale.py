"""How cost grows with the size of the graph: a picture and a table of the results of bench_import and bench_graph.

    python -m benchmarks.scale benchmarks/results --out docs/images/scale.png

The folder holds one folder for each scale, such as ``0.1``, with ``import.json`` and ``graph.json`` in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

STEPS: Final = {
    "read": "parse and check",
    "offline": "offline import, all of it",
    "whole": "export",
}
QUESTIONS: Final = (
    "candidates/followed_activity",
    "candidates/co_watch",
    "candidates/friends_of_friends",
    "neighbourhood/sampled",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images/scale.png"))
    chosen = parser.parse_args()
    found = {}
    for folder in sorted((f for f in chosen.folder.iterdir() if f.is_dir()), key=lambda f: float(f.name)):
        found[float(folder.name)] = [json.loads((folder / f"{name}.json").read_text()) for name in ("import", "graph")]
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    seconds, memory, answers = figure.subplots(1, 3)
    imports = {scale: {c["step"]: c for c in pair[0]["costs"]} for scale, pair in found.items()}
    lines(seconds, {label: {s: i[step]["seconds"] for s, i in imports.items()} for step, label in STEPS.items()})
    seconds.set(xscale="log", yscale="log", xlabel="scale (1 is Keakr's full size)", ylabel="seconds")
    lines(memory, {label: {s: i[step]["peak_gib"] for s, i in imports.items()} for step, label in STEPS.items()})
    memory.set(xscale="log", xlabel="scale", ylabel="peak GiB of our own process", ylim=(0, None))
    lines(answers, {name.split("/")[1]: {s: p95(pair[1], name) for s, pair in found.items()} for name in QUESTIONS})
    answers.set(xscale="log", xlabel="scale", ylabel="p95 of random users, ms", ylim=(0, None))
    figure.savefig(chosen.out, dpi=110)
    print("| scale |", " | ".join(f"{label}, s" for label in STEPS.values()), "|")
    print("|--:|" + "--:|" * len(STEPS))
    for scale, costs in imports.items():
        print(f"| {scale:g} |", " | ".join(f"{costs[step]['seconds']:.1f}" for step in STEPS), "|")


def p95(report: dict[str, Any], question: str) -> float:
    found = {(timing["question"], timing["group"]): timing["p95_ms"] for timing in report["timings"]}
    return float(found[question, "random"])


def lines(axes: Axes, series: dict[str, dict[float, float]]) -> None:
    for label, values in series.items():
        axes.plot(list(values), list(values.values()), marker="o", label=label)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
