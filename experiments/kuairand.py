"""Short-video interactions of the KuaiRand data set, as files that `entourage import` reads.

    python -m experiments.kuairand interactions.tsv.gz FOLDER

Each row becomes a watch. Its progress is the share of the video that was played; for rows without a length, such as
pictures, ``long_view`` says 0 or 1. ``label`` is the like, and a forward is a share. There are no follows.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from pathlib import Path

COLUMNS = ("userId", "contentId", "timestamp", "progress", "liked", "commented", "shared")


def audience(row: dict[str, str]) -> tuple[str, ...]:
    """One row of audiences.csv, in the order of `COLUMNS`."""
    played, length = float(row["play_time_ms"]), float(row["duration_ms"])
    progress = min(1.0, played / length) if length > 0 else float(row["long_view"])
    flags = row["label"], row["is_comment"], row["is_forward"]
    return row["user_id"], row["video_id"], row["time_ms"], f"{progress:.4f}", *flags


def main() -> None:
    """Write audiences.csv and keaks.jsonl into the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interactions", type=Path)
    parser.add_argument("folder", type=Path)
    told = parser.parse_args()
    with gzip.open(told.interactions, "rt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    told.folder.mkdir(parents=True, exist_ok=True)
    with (told.folder / "audiences.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *map(audience, rows)])
    lengths = {row["video_id"]: float(row["duration_ms"]) / 1000.0 for row in rows}
    with (told.folder / "keaks.jsonl").open("w") as file:
        for video, seconds in lengths.items():
            file.write(json.dumps({"keakId": video, "duration": seconds or None}) + "\n")
    print(f"{len(rows):,} watches of {len(lengths):,} videos in {told.folder}")


if __name__ == "__main__":
    main()
