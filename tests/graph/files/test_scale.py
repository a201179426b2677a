"""In which scale progress was given, and what is refused because no scale fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from graph.errors import InputError
from graph.files.options import Options
from graph.files.scale import Census
from graph.files.tables import Known, read_folder
from graph.load import watch
from tests.graph.keakr import lines, of, only, quarantined


def census(values: list[float], durations: list[float] | None = None) -> Census:
    found = Census()
    found.add(np.array(values, dtype=np.float32), None if durations is None else np.array(durations, dtype=np.float32))
    return found


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        pytest.param([0, 78, 100, 1], "percent", id="whole percent"),
        pytest.param([7.8, 0.0, 42.5], "percent", id="percent with decimals"),
        pytest.param([50] * 2_000 + [250], "percent", id="one in 2,000 outside"),
        pytest.param([0.3, 1.7, 2.5], "percent", id="as the rule says, though it may be watch ratios"),
        pytest.param([0, 0.5, 1], "fraction", id="fractions"),
        pytest.param([0, 0.5, 1.0000002], "fraction", id="fractions with an error of rounding"),
        pytest.param([0, 1, 1], "fraction", id="only 0 and 1"),
    ],
)
def test_the_scale_is_found_from_the_whole_column(values: list[float], scale: str) -> None:
    assert census(values).decide("progress").scale == scale


def test_only_0_and_1_have_the_scale_of_earlier_imports() -> None:
    found = census([0, 1]).decide("progress", remembered="percent")
    assert (found.scale, found.sure) == ("percent", False)
    assert census([0, 1]).decide("progress", remembered="fraction").scale == "fraction"
    with pytest.raises(InputError, match="only 0 and 1"):
        census([0, 1]).decide("progress", remembered="seconds")


@pytest.mark.parametrize(
    ("values", "durations"),
    [
        pytest.param([50] * 90 + [250] * 10, None, id="a tenth outside 0..100"),
        pytest.param([0.3, 0.6, 0.9, 1.7] * 2, [30] * 8, id="watch ratios of contents with a duration"),
        pytest.param([12_000, 30_500], None, id="milliseconds"),
        pytest.param([5, 12, 29, 30, 8, 17], [30] * 6, id="seconds"),
        pytest.param([-5, 50], None, id="half of them negative"),
    ],
)
def test_what_no_scale_fits_is_refused(values: list[float], durations: list[float] | None) -> None:
    with pytest.raises(InputError, match="cannot be told") as error:
        census(values, durations).decide("progress")
    assert "--progress" in error.value.do


def test_percent_that_durations_do_not_contradict_stays_percent() -> None:
    found = census([5, 78, 100, 30, 8, 17], [30] * 6).decide("progress")
    assert found.scale == "percent"
    assert "exactly 100" in found.why


KEAKS: list[dict[str, Any]] = [{"keakId": 1, "duration": 40.0}, {"keakId": 2, "duration": 20}, {"keakId": 3}]


def watches(tmp_path: Path, progress: list[object], options: Options | None = None):
    rows = "".join(f"users/{row},keaks/{row % 3 + 1},,{value},,,\n" for row, value in enumerate(progress))
    return read_folder(
        only(tmp_path / "in", audiences=rows, keaks=lines(KEAKS)), tmp_path / "home", None, None, options
    )


def test_seconds_are_divided_by_the_duration(tmp_path: Path) -> None:
    tables, report = watches(tmp_path, [20, 20.9, 0, 41, 30, 5], Options(progress="seconds"))
    watched = tables.edges["WATCHED"]
    users = tables.ids["User"].gather(watched["source"])
    assert dict(zip(users, watched["progress"], strict=True)) == {
        "0": pytest.approx(0.5), "1": 1.0, "2": 0.0, "3": 1.0,
    }  # fmt: skip
    reasons = {row["line"]: row["reason"] for row in quarantined(report)}
    assert reasons == {
        5: "progress is outside the seconds of the content",
        6: "progress is in seconds, and the content's duration is not known",
    }


def test_percent_are_the_same_numbers_as_events_give(tmp_path: Path) -> None:
    tables, _ = watches(tmp_path, [*range(101)])
    watched = watch.exact(tables.edges["WATCHED"])
    users = tables.ids["User"].gather(watched["source"])
    found = dict(zip(map(int, users), watched["progress"], strict=True))
    assert found == {percent: watch.progress(percent / 100) for percent in range(101)}


def test_asked_scales_quarantine_what_lies_outside(tmp_path: Path) -> None:
    _, report = watches(tmp_path, [0.5, 1.5, 0.25], Options(progress="fraction"))
    assert [row["reason"] for row in quarantined(report)] == ["progress is outside 0..1"]


def test_average_progress_has_a_scale_of_its_own(tmp_path: Path) -> None:
    keaks: list[dict[str, Any]] = [{"keakId": 1, "averageViewProgress": 7.8}, {"keakId": 2, "averageViewProgress": -1}]
    keaks += [{"keakId": 3 + n, "averageViewProgress": 50} for n in range(1_000)]
    tables, report = read_folder(only(tmp_path / "in", keaks=lines(keaks)), tmp_path)
    values = dict(tables.nodes["Content"].select("contentId", "averageViewProgress").iter_rows())
    assert values["keaks/1"] == pytest.approx(0.078)
    assert values["keaks/3"] == 0.5
    assert values["keaks/2"] is None
    assert of(report, "keaks.jsonl").noted == 1
    assert [(found.column, found.scale) for found in report.scales] == [("averageViewProgress", "percent")]


def test_durations_of_the_graph_count_as_well(tmp_path: Path) -> None:
    ids = [f"keaks/k{n}" for n in range(40)]
    known = Known(contents=pl.Series(["tracks/1", *ids]), durations=pl.Series([9.0, *[30.0] * 40], dtype=pl.Float32))
    folder = only(tmp_path / "in", audiences="".join(f"u{n},k{n},,{n % 30},,,\n" for n in range(40)))
    with pytest.raises(InputError, match="reads like seconds"):
        read_folder(folder, tmp_path / "home", known)
    tables, report = read_folder(folder, tmp_path / "home", known, options=Options(progress="seconds"))
    assert tables.edges["WATCHED"]["progress"].max() == pytest.approx(29 / 30)
    assert "0.0% are above the content's duration" in report.scales[0].why


def test_averages_alone_that_read_like_seconds_are_refused_unless_an_import_said_percent(tmp_path: Path) -> None:
    keaks = lines([{"keakId": str(n), "duration": 20, "averageViewProgress": n % 19 + 1} for n in range(40)])
    folder = only(tmp_path / "in", keaks=keaks)
    with pytest.raises(InputError, match="averageViewProgress cannot be told: it reads like seconds"):
        read_folder(folder, tmp_path / "home")
    options = Options(remembered={"averageViewProgress": "percent"})
    _, report = read_folder(folder, tmp_path / "home", options=options)
    assert report.scales[0].scale == "percent"


@pytest.mark.parametrize("odd", [-1, 120])
def test_an_odd_average_costs_itself_where_the_progress_tells_the_scale(tmp_path: Path, odd: float) -> None:
    keaks = lines([{"keakId": "1", "averageViewProgress": 7.8}, {"keakId": "2", "averageViewProgress": odd}])
    folder = only(tmp_path / "in", keaks=keaks)
    with pytest.raises(InputError, match="averageViewProgress cannot be told: 1 of 2 values lie outside"):
        read_folder(folder, tmp_path / "home")
    (folder / "audiences.csv").write_text("u1,1,,78,,,\nu2,2,,100,,,\n")
    tables, report = read_folder(folder, tmp_path / "home")
    assert tables.nodes["Content"]["averageViewProgress"].to_list() == [pytest.approx(0.078), None]
    assert tables.edges["WATCHED"].height == 2
    assert of(report, "keaks.jsonl").noted == 1
    assert [(found.scale, found.sure) for found in report.scales] == [("percent", True), ("percent", False)]


def test_averages_that_read_like_seconds_are_seconds_where_earlier_ones_were() -> None:
    durations = [30.0] * 6
    found = census([5, 12, 29, 30, 8, 17], durations).decide("averageViewProgress", beside="seconds")
    assert (found.scale, found.sure) == ("seconds", False)
    found = census([5, 12, 290, 300, 8, 17], durations).decide("averageViewProgress", beside="seconds")
    assert found.scale == "seconds"


@pytest.mark.parametrize("values", [[0.5, 1.0001], [0.9, 1.4, 2.8, 1.1]])
def test_percent_that_look_like_ratios_are_told_so_and_bind_no_later_import(values: list[float]) -> None:
    found = census(values).decide("progress")
    assert (found.scale, found.sure) == ("percent", False)
    assert "if they are fractions or watch ratios, say --progress fraction" in found.why
    found = census([*values, 40.0, 60.0, 80.0]).decide("progress")
    assert (found.scale, found.sure) == ("percent", True)
    assert "ratios" not in found.why
    assert census(values).decide("averageViewProgress", beside="fraction").scale == "fraction"


def test_a_share_that_is_told_hides_no_row() -> None:
    why = census([50.0] * 2_000 + [250.0], [300.0] * 2_000 + [20.0]).decide("progress", "percent").why
    assert why.endswith("under 0.1% are above the content's duration in seconds, 0.0% are exactly 100")
    assert "over 99.9% lie in 0..100" in census([50.0] * 2_000 + [250.0]).decide("progress").why
