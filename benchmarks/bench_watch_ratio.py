"""What watch ratios cost at KuaiRec's size: ``python -m benchmarks.bench_watch_ratio [FOLDER] [--load]``.

FOLDER holds KuaiRec, or files of its shape (`benchmarks.kuairec_shape`), which are written where it does not exist.
Times are of the wall clock and of the processor, that of ended child processes too; the notebook's are its own, on its
machine. ``--load`` also makes a Neo4j store of the files in a temporary home.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from benchmarks import kuairec_shape
from benchmarks.peak import peak_gib
from evaluation.ratio_cosine import cosine, hand_made
from evaluation.ratio_figures import measure
from evaluation.watch_ratio_suite import open_data
from graph.files.daily_features import daily_features
from graph.files.options import Options
from graph.files.watch_ratios import DAILY, named_file, read_watch_ratios
from graph.load.bulk import import_offline
from graph.settings import Settings
from recommenders.ratio_network import features_apart
from recommenders.ratio_training import TrainingSettings, train

Made = TypeVar("Made")
_RATE: Final = 0.005
_BATCH: Final = 1_024


def timed(what: str, run: Callable[[], Made], beside: str = "") -> Made:
    load, began, processor = os.getloadavg()[0], time.perf_counter(), sum(os.times()[:4])
    made = run()
    wall, spent = time.perf_counter() - began, sum(os.times()[:4]) - processor
    print(f"{what:<58} {wall:7.1f} s, {spent:7.1f} s of processor, peak so far {peak_gib():.2f} GiB, "
          f"load {load:.1f}{'; ' + beside if beside else ''}", flush=True)  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "kuairec-shape")
    parser.add_argument("--load", action="store_true")
    given = parser.parse_args()
    if not given.folder.is_dir():
        timed("files of KuaiRec's shape, drawn at random", lambda: kuairec_shape.write(given.folder))
    with tempfile.TemporaryDirectory() as home:
        dry = Options(dry=True)
        tables, report = timed("reading and checking every file, into tables",
                               lambda: read_watch_ratios(given.folder, Path(home), options=dry))  # fmt: skip
        print(f"  {report.files[0].read:,} and {report.files[1].read:,} rows; {report.relationships}")
        del tables
        if given.load:
            loaded = timed("the same with the offline load into Neo4j",
                           lambda: import_offline(given.folder, Settings(home=Path(home) / "home")))  # fmt: skip
            print(f"  {sum(loaded.relationships.values()):,} relationships")
    if file := named_file(given.folder, DAILY):
        features = timed("fifteen features of every video, all days", lambda: daily_features(file), "notebook: 12 s")
        timed("the same, frozen at 1 August 2020", lambda: daily_features(file, date(2020, 8, 1)))
        print(f"  {features.height:,} videos, {features.width - 1} features")
    data = timed("the suite's parts", lambda: open_data(given.folder))
    of_videos = timed("features of videos from the rows alone", data.features)
    rows = data.train.rows
    network = timed(
        f"one pass over {len(rows):,} rows, steps of {_BATCH:,}",
        lambda: train(rows, (data.users, data.videos), of_videos, TrainingSettings(epochs=1, batch=_BATCH, rate=_RATE),
                      progress=lambda share, what: None),
        "notebook: 43 min, steps of 32",
    )  # fmt: skip
    apart = timed("features from other rows, as `watch-ratio` trains with",
                  lambda: features_apart(rows, data.seconds, data.train.flags))  # fmt: skip
    timed(
        "one pass with them",
        lambda: train(rows, (data.users, data.videos), of_videos, TrainingSettings(epochs=1, batch=_BATCH, rate=_RATE),
                      apart=apart, progress=lambda share, what: None),
    )  # fmt: skip
    if data.people is not None:
        timed(
            "one pass with them and the features of users",
            lambda: train(rows, (data.users, data.videos), of_videos,
                          TrainingSettings(epochs=1, batch=_BATCH, rate=_RATE),
                          apart=apart, people=data.people, progress=lambda share, what: None),
        )  # fmt: skip
    some = rows.keep(np.arange(len(rows)) < 32 * 2_000)
    timed("2,000 steps of 32 rows, of some 353,000 of a pass",
          lambda: train(some, (data.users, data.videos), of_videos, TrainingSettings(epochs=1, batch=32),
                        progress=lambda share, what: None))  # fmt: skip
    timed("cosine of hand-made features, judged rows", lambda: cosine(data, 0, lambda share, what: None),
          "notebook: two hours")  # fmt: skip
    print(f"  {hand_made(data).values.shape[1]} features")
    judged = data.test.rows
    predicted = timed(f"predictions for {len(judged):,} judged rows",
                      lambda: network.predict(judged.users, judged.videos))  # fmt: skip
    timed("their figures, ranking included", lambda: measure(predicted, judged, data.most), "notebook: 4 min")


if __name__ == "__main__":
    main()
