"""KuaiRec's file of days: what cannot be used is left out and told with its lines."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest

from graph.files.daily_features import COUNTS, daily_counts, daily_features


def test_days_that_cannot_be_used_are_told_with_their_lines(tmp_path: Path) -> None:
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    rows = [
        "1.0,20200705.0,9000,1",  # line 2
        "1,20200706,9000,3",
        "",
        "2,2020-07-06,9000,9",
        "2,20201340,9000,9",
        "1.5,20200706,9000,9",
        "-1,20200706,9000,9",
        ",20200706,9000,9",
        "2,,9000,9",
        "3,20200706,long,7",
    ]
    padded = [row + ",0" * (len(COUNTS) - 1) if row else row for row in rows]
    (tmp_path / "daily.csv").write_text("\n".join([header, *padded]) + "\n")
    with pytest.warns(UserWarning, match=r"^daily\.csv: ") as told:
        read = daily_features(tmp_path / "daily.csv")
    assert read.select("video_id", "video_duration", "show_cnt").rows() == [(1, 9000.0, 2.0), (3, 0.0, 7.0)]
    assert [str(one.message) for one in told] == [
        "daily.csv: rows left out, whose video_id is no whole number from 0 on: 3 (lines 7, 8, 9).",
        "daily.csv: rows left out, whose date is no day as YYYYMMDD: 3 (lines 5, 6, 10).",
        "daily.csv: values of video_duration that are no number from 0 on and count as unknown: 1 (line 11).",
    ]


def test_days_too_large_for_a_mean_are_told_and_count_as_unknown(tmp_path: Path) -> None:
    """The mean of two days of 1e308 was infinite, and with it every feature of the network."""
    header = ",".join(["video_id", "date", "video_duration", *COUNTS])
    rest = ",".join(["5"] * len(COUNTS[1:]))
    rows = [f"1,2020070{day},9000,{shows},{rest}" for day, shows in enumerate(["1e308", "1e308", "inf", "7"], 5)]
    (tmp_path / "daily.csv").write_text("\n".join([header, *rows]) + "\n")
    with pytest.warns(UserWarning, match=r"^daily\.csv: ") as told:
        read = daily_features(tmp_path / "daily.csv")
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        daily_features(tmp_path / "daily.csv")
        daily_counts(tmp_path / "daily.csv")
    assert len(shown) == 1  # the same sentence about the same file is shown once
    assert [str(one.message) for one in told] == [
        "daily.csv: values of show_cnt that are above 1e15 and count as unknown: 3 (lines 2, 3, 4)."
    ]
    assert read["show_cnt"].to_list() == [7.0]
    assert np.isfinite(read.to_numpy()).all()


def test_days_whose_fields_the_header_does_not_fit_are_left_out_and_told(tmp_path: Path) -> None:
    header = ",".join(["video_id", "date", "video_duration", "tag", *COUNTS])
    rest = ",".join(["5"] * len(COUNTS))
    rows = [
        f'1,20200705,9000,"music, dance",{rest}',  # a separator between quotes is none
        f"2,20200705,8000,one,more,{rest}",  # line 3: read by place, 2's shows would be "more"
        f'3,20200705,7000,"open,{rest}',
        f"4,20200705,6000,after,{rest}",
        f"5,20200705,-5000,tag,-1,{rest[2:]}",
        f"6,20200705,5000,tag,{rest},,",
        "7,20200705,4000,cut,5,5",
    ]
    (tmp_path / "daily.csv").write_text("\n".join([header, *rows]))
    with pytest.warns(UserWarning, match=r"^daily\.csv: ") as told:
        read = daily_features(tmp_path / "daily.csv")
    found = read.select("video_id", "video_duration", "show_cnt", "share_cnt").rows()
    assert found == [(1, 9000.0, 5.0, 5.0), (4, 6000.0, 5.0, 5.0), (5, 0.0, 0.0, 5.0), (6, 5000.0, 5.0, 5.0)]
    assert [str(one.message) for one in told] == [
        "daily.csv: rows left out, where there is more than the header names: 1 (line 3).",
        "daily.csv: rows left out, where a quote is not closed in its line: 1 (line 4).",
        "daily.csv: rows left out, where there is less than the header names: 1 (line 8).",
        "daily.csv: values of video_duration that are no number from 0 on and count as unknown: 1 (line 6).",
        "daily.csv: values of show_cnt that are no number from 0 on and count as unknown: 1 (line 6).",
    ]
    with gzip.open(tmp_path / "packed.csv.gz", "wt") as packed:
        packed.write("\n".join([header, *rows]))
    with pytest.warns(UserWarning, match=r"^packed\.csv\.gz: "):
        assert daily_features(tmp_path / "packed.csv.gz").equals(read)
