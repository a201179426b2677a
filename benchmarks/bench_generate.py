"""Cost of generating a network: wall-clock and processor time, peak memory and size; one process for each scale.

python -m benchmarks.bench_generate --scales 0.01,0.1,1.0 --folder /some/where --keep
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peak import peak_gib


def measure(folder: Path, scale: float, seed: int) -> dict[str, Any]:
    from generator.network import generate
    from generator.sizes import Sizes

    wall, stages = time.monotonic(), dict[str, float]()

    def progress(share: float, what: str) -> None:
        stages.setdefault(what, time.monotonic() - wall)

    written = generate(folder, Sizes.at(scale), seed, progress=progress)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "scale": scale,
        "rows": sum(written.rows.values()),
        "gigabytes": round(written.bytes / 1e9, 3),
        "wall_s": round(time.monotonic() - wall, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gib": round(peak_gib(), 2),
        "stages_begin_s": {what: round(at, 1) for what, at in stages.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scales", default="0.01,0.1")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="folder for the networks; by default a temporary one")
    parser.add_argument("--keep", action="store_true", help="keep the networks there, as scale-N")
    arguments = parser.parse_args()
    place = arguments.folder or Path(tempfile.mkdtemp(prefix="entourage-generate-"))
    print(f"{'scale':>7} {'rows':>12} {'GB':>7} {'wall s':>8} {'CPU s':>8} {'peak GiB':>9}")
    context = multiprocessing.get_context("spawn")  # peak memory counts for one process's whole life
    for scale in (float(text) for text in arguments.scales.split(",")):
        folder = place / f"scale-{scale:g}"
        with context.Pool(1) as pool:
            figures = pool.apply(measure, (folder, scale, arguments.seed))
        print(
            f"{scale:>7g} {figures['rows']:>12,} {figures['gigabytes']:>7} {figures['wall_s']:>8} "
            f"{figures['cpu_s']:>8} {figures['peak_gib']:>9}"
        )
        print("        " + json.dumps(figures["stages_begin_s"]))
        if not arguments.keep:
            shutil.rmtree(folder)
    if not arguments.keep and arguments.folder is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
