"""Users, keaks and beats files: values that polars reads as others, and Parquet columns of unexpected types."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.files.ids import Named
from graph.files.tables import Known, Tables, read_folder
from tests.graph.keakr import lines, of, only, quarantined

CASES = Path(__file__).parent / "cases"


def named(tables: Tables, type_: str, source: str, target: str) -> set[tuple[str, str]]:
    """The pairs of ids of one type."""
    ends = tables.edges[type_]
    sides = (tables.ids[source].gather(ends["source"]), tables.ids[target].gather(ends["target"]))
    return set(zip(*(side.to_list() for side in sides), strict=True))


def genres(tmp_path: Path, *users: Any) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Genres by id, and who listens to which, of users whose ``listenedGenres`` are these."""
    rows = [{"userId": str(n), "listenedGenres": given} for n, given in enumerate(users)]
    tables, report = read_folder(only(tmp_path / "in", users=lines(rows)), tmp_path)
    assert report.quarantine is None
    return dict(tables.nodes["Genre"].iter_rows()), named(tables, "LISTENS_TO", "User", "Genre")


def test_the_case_of_odd_lists(tmp_path: Path) -> None:
    tables, report = read_folder(CASES / "folder-lists", tmp_path)
    rai = "60f6000000000000000001ae"
    assert dict(tables.nodes["Genre"].iter_rows()) == {"9": "Trap", "8": "Drill", rai: "Rai"}
    assert named(tables, "HAS_GENRE", "Content", "Genre") == {("beats/1", "9"), ("beats/1", rai)}
    assert named(tables, "LISTENS_TO", "User", "Genre") == {("1", "9"), ("2", rai), ("3", "8"), ("3", "9")}
    assert named(tables, "CREATES_IN", "User", "Genre") == {("1", "9")}
    assert named(tables, "TAGGED", "Content", "Hashtag") == {
        ("keaks/1", "60f6000000000000000001af"), ("keaks/1", "Rap"),
    }  # fmt: skip
    users = tables.nodes["User"]
    assert users["name"].to_list() == ["Bob", None, None]
    assert users["viewCount"].to_list() == [None, 7, None]
    assert tables.nodes["Content"].sort("contentId")["title"].to_list() == [None, "Hi 😀", None, "Rain"]
    assert [(row["line"], row["reason"].split(":")[0]) for row in quarantined(report)] == [
        (2, "title cannot be read"),
        (2, "hashtags is no list of texts or {id, name} objects"),
        (3, "hashtags is no list of texts or {id, name} objects"),
    ]


TRAP = {"id": "9", "name": "Trap"}


@pytest.mark.parametrize(
    "users",
    [
        pytest.param([[]] * 6_000 + [[TRAP]], id="objects after many empty lists"),
        pytest.param([["Trap"], [TRAP]], id="texts, then objects"),
        pytest.param([[TRAP], ["Trap"]], id="objects, then texts"),
        pytest.param([["Trap", TRAP]], id="both in one list"),
        pytest.param([[None, TRAP]], id="null first"),
        pytest.param([[None], [], None, [TRAP, {"id": "9", "name": None}, {}]], id="an element without a value"),
        pytest.param([[{"id": {"$oid": "9"}, "name": "Trap"}]], id="extended id"),
        pytest.param([[{"id": 9, "name": "Trap", "slug": ["trap"]}]], id="more fields"),
    ],
)
def test_lists_hold_texts_and_objects_in_any_order(tmp_path: Path, users: list[Any]) -> None:
    found, listens = genres(tmp_path, *users)
    assert found == {"9": "Trap"}
    assert listens == {(str(n), "9") for n, given in enumerate(users) if given and given != [None]}


def test_a_list_in_another_object_says_nothing_about_the_column(tmp_path: Path) -> None:
    rows = [{"userId": "1", "old": {"listenedGenres": [{"id": "7"}]}, "listenedGenres": ["Trap"]}]
    tables, _ = read_folder(only(tmp_path / "in", users=lines(rows)), tmp_path)
    assert tables.nodes["Genre"].rows() == [("Trap", "Trap")]


@pytest.mark.parametrize("kind", ["users", "beats"])
def test_a_genre_that_is_only_named_is_the_one_with_an_id_whatever_file_comes_first(tmp_path: Path, kind: str) -> None:
    beats = {"beatId": "1", "genres": [TRAP if kind == "beats" else "Trap"]}
    users = [{"userId": "1", "listenedGenres": ["Trap"], "usedGenres": ["Trap" if kind == "beats" else TRAP]}]
    tables, _ = read_folder(only(tmp_path / "in", users=lines(users), beats=lines([beats])), tmp_path)
    assert tables.nodes["Genre"].rows() == [("9", "Trap")]
    assert named(tables, "HAS_GENRE", "Content", "Genre") == {("beats/1", "9")}
    for type_ in ("LISTENS_TO", "CREATES_IN"):
        assert named(tables, type_, "User", "Genre") == {("1", "9")}


def test_a_name_that_comes_later_is_written_and_one_that_is_known_is_not_again() -> None:
    elements = pl.DataFrame({"id": ["9", "8"], "name": ["Trap", "Rai"]})
    found = Named("Genre", {"9": "9", "8": "Rai", "7": "Drill"})
    found.learn(elements)
    found.resolve(elements)
    assert found.fresh().rows() == [("9", "Trap")]


def test_the_second_import_gives_a_genre_its_name(tmp_path: Path) -> None:
    users = lines([{"userId": "1", "listenedGenres": [TRAP]}, {"userId": "2", "listenedGenres": ["Trap"]}])
    known = Known(names={"Genre": {"9": "9"}})
    tables, _ = read_folder(only(tmp_path / "in", users=users), tmp_path, known)
    assert tables.nodes["Genre"].rows() == [("9", "Trap")]
    assert named(tables, "LISTENS_TO", "User", "Genre") == {("1", "9"), ("2", "9")}


def test_a_name_that_is_no_id_is_not_learnt(tmp_path: Path) -> None:
    users = [{"userId": "1", "listenedGenres": [{"id": "9", "name": "Tr\x01ap"}, "Trap"]}]
    tables, report = read_folder(only(tmp_path / "in", users=lines(users)), tmp_path)
    assert tables.nodes["Genre"].rows() == [("Trap", "Trap")]
    assert of(report, "users.jsonl").noted == 1


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (r"Hi \ud83d", None),
        (r"Hi \uD83D", None),
        (r"\ud83d Hi", None),
        (r"\ud83d\u0041", None),
        (r"\ude00", None),
        (r"\ud83d\ud83d\ude00", None),
        (r"Hi \ud83d\ude00", "Hi 😀"),
        (r"Hi \\ud83d", r"Hi \ud83d"),
    ],
)
def test_half_a_character_costs_the_text_and_is_said(tmp_path: Path, text: str, right: str | None) -> None:
    keaks = f'{{"keakId": "1", "title": "{text}", "\\ud83d": 1}}\n{{"keakId": "2", "title": "é"}}\n'
    tables, report = read_folder(only(tmp_path / "in", keaks=keaks), tmp_path)
    assert tables.nodes["Content"].sort("contentId")["title"].to_list() == [right, "é"]
    entry = of(report, "keaks.jsonl")
    assert entry.noted == (right is None)
    for shown in (*entry.preview[0], *(column.title for column in entry.columns)):
        shown.encode()


@pytest.mark.parametrize(
    ("row", "column", "right"),
    [
        ('{"userId":"a","viewCount":5,"viewCount":7}', "viewCount", 7),
        ('{"userId":"a","viewCount":null,"viewCount":7}', "viewCount", 7),
        ('{"userId":"a","name":"Ann","name":"Bob"}', "name", "Bob"),
        ('{"id":"b","id":"a","viewCount":7}', "viewCount", 7),
        ('{"userId":"a","viewCount":7,"profile":{"viewCount":5}}', "viewCount", 7),
        ('{"userId":"a","isSinger":false,"isSinger":true}', "isSinger", True),
    ],
)
def test_of_a_name_that_stands_twice_the_last_counts(tmp_path: Path, row: str, column: str, right: object) -> None:
    for other in ('{"userId":"c"}\n', '{"userId":"c","usedGenres":["x",{"id":"y","name":"z"}]}\n'):
        tables, _ = read_folder(only(tmp_path / "in", users=f"{row}\n{other}"), tmp_path)
        assert tables.nodes["User"].filter(userId="a")[column].to_list() == [right]


@pytest.mark.parametrize(
    "other", ["", ', "likeCount": null', ', "city": "Oran"', ', "usedGenres": [{"id": "9"}, null]']
)
def test_a_name_that_stands_twice_is_found_among_many_lines(tmp_path: Path, other: str) -> None:
    rows = "".join(f'{{"userId": "{n}", "name": "{"x" * 60}"{other}}}\n' for n in range(20_000))
    assert len(rows) > 1 << 20
    twice = '{"userId": "a", "viewCount": 5, "viewCount": 7}\n'
    tables, _ = read_folder(only(tmp_path / "in", users=rows + twice), tmp_path)
    assert tables.nodes["User"].filter(userId="a")["viewCount"].to_list() == [7]


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_text_leaves_the_other_spelling(tmp_path: Path, blank: str | None) -> None:
    users = lines([{"userId": "1", "name": blank, "username": "Bob"}, {"userId": "2", "name": blank}])
    keaks = lines([{"keakId": "1", "title": blank, "name": blank, "caption": "Rain", "link": blank, "lien": "x"}])
    tables, _ = read_folder(only(tmp_path / "in", users=users, keaks=keaks), tmp_path)
    assert tables.nodes["User"]["name"].to_list() == ["Bob", None]
    assert tables.nodes["Content"].select("title", "link").rows() == [("Rain", "x")]


def test_a_hundred_thousand_unreadable_times_take_seconds(tmp_path: Path) -> None:
    rows = "".join(f'{{"userId":"{n}","createdAt":"31/12/2019 10:00","name":"{"x" * 100}"}}\n' for n in range(100_000))
    only(tmp_path / "in", users=rows)
    begun = time.process_time()
    _, report = read_folder(tmp_path / "in", tmp_path)
    assert time.process_time() - begun < 60  # an hour, were the file split for each
    assert of(report, "users.jsonl").noted == 100_000
    assert quarantined(report)[-1]["raw"].startswith('{"userId":"99999"')


def users_of(tmp_path: Path, column: str, values: Any) -> tuple[Tables, Any]:
    """Tables and report of a Parquet file of users with this column."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    (tmp_path / "in").mkdir()
    ids = pa.array([str(n) for n in range(len(array))])
    pq.write_table(pa.table({"userId": ids, column: array}), tmp_path / "in" / "users.parquet")
    tables, report = read_folder(tmp_path / "in", tmp_path)
    return tables, of(report, "users.parquet")


S = pa.string()


def objects(value: list[Any], **fields: pa.DataType) -> pa.Array:
    """One row whose list has objects of these fields."""
    return pa.array([value], pa.list_(pa.struct([*fields.items()])))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(objects([TRAP], name=S, id=S), id="name first"),
        pytest.param(objects([{**TRAP, "slug": 1}], id=S, name=S, slug=pa.int8()), id="more fields"),
        pytest.param(objects([{**TRAP, "id": 9}], id=pa.int64(), name=pa.large_string()), id="whole numbers"),
        pytest.param(objects([{**TRAP, "id": 9.0}, None], id=pa.float64(), name=S), id="floats"),
        pytest.param(objects([{**TRAP, "id": {"$oid": "9"}}], id=pa.struct([("$oid", S)]), name=S), id="extended id"),
        pytest.param(pa.array([[TRAP]], pa.list_(pa.struct([("id", S), ("name", S)]), 1)), id="lists of one length"),
        pytest.param(pa.array([[TRAP], None, []]), id="as polars writes it"),
    ],
)
def test_objects_in_parquet_go_by_the_names_of_their_fields(tmp_path: Path, values: pa.Array) -> None:
    tables, report = users_of(tmp_path, "listenedGenres", values)
    assert tables.nodes["Genre"].rows() == [("9", "Trap")]
    assert named(tables, "LISTENS_TO", "User", "Genre") == {("0", "9")}
    assert report.noted == 0


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(objects([{"_id": "9", "label": "Trap"}], _id=S, label=S), id="other fields"),
        pytest.param(pa.array([[["Trap"]]]), id="lists of lists"),
        pytest.param(pa.array([[b"Trap"]]), id="bytes"),
        pytest.param(pa.array([5]), id="no list"),
        pytest.param(pa.array([TRAP]), id="an object alone"),
    ],
)
def test_a_list_that_cannot_be_read_is_said_so(tmp_path: Path, values: pa.Array) -> None:
    tables, report = users_of(tmp_path, "listenedGenres", values)
    assert tables.nodes["Genre"].is_empty()
    assert (report.loaded, report.noted) == (1, 1)


@pytest.mark.parametrize(
    ("values", "genre"),
    [
        pytest.param(pa.array([["Trap", None]]), "Trap", id="texts"),
        pytest.param(pa.array([[9]]), "9", id="numbers"),
        pytest.param(pa.array([[9.0]]), "9", id="floats"),
        pytest.param(pa.array(["Trap"]), "Trap", id="one text"),
        pytest.param(pa.array(["Trap"]).dictionary_encode(), "Trap", id="one category"),
        pytest.param(objects([{"id": "9", "slug": "trap"}], id=S, slug=S), "9", id="objects without a name"),
        pytest.param(pa.array([float("nan")]), None, id="missing as pandas writes it"),
    ],
)
def test_lists_of_one_value_an_element_in_parquet(tmp_path: Path, values: pa.Array, genre: str | None) -> None:
    tables, report = users_of(tmp_path, "listenedGenres", values)
    assert tables.nodes["Genre"]["name"].to_list() == ([genre] if genre else [])
    assert report.noted == 0


def test_durations_of_pandas_are_seconds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    spans = pa.array([timedelta(minutes=1, milliseconds=500), None], pa.duration("ns"))
    pq.write_table(pa.table({"keakId": ["1", "2"], "duration": spans}), tmp_path / "in" / "keaks.parquet")
    tables, report = read_folder(tmp_path / "in", tmp_path)
    assert tables.nodes["Content"].sort("contentId")["duration"].to_list() == [60.5, None]
    assert report.quarantine is None


@pytest.mark.parametrize("column", ["viewCount", "isSinger", "createdAt", "name"])
@pytest.mark.parametrize(
    "given",
    [
        date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), timedelta(1), datetime(2020, 1, 1, 10, tzinfo=UTC).time(),
        Decimal("1.5"), b"x", "x", True, 1, 1.5, [1], {"a": 1},
    ],
    ids=lambda given: type(given).__name__,
)  # fmt: skip
def test_no_type_of_a_parquet_column_is_a_bug(tmp_path: Path, column: str, given: object) -> None:
    _, report = users_of(tmp_path, column, [given])
    assert report.read == report.loaded == 1


def test_a_date_is_no_count(tmp_path: Path) -> None:
    tables, report = users_of(tmp_path, "viewCount", [date(2020, 1, 1)])
    assert tables.nodes["User"]["viewCount"].to_list() == [None]
    assert report.noted == 1


@pytest.mark.parametrize("key", ["isPrivate", "is_private"])
@pytest.mark.parametrize(
    ("given", "private", "noted"),
    [
        *[(given, True, 0) for given in (True, "true", "YES", 1, "1")],
        *[(given, False, 0) for given in (False, "false", "no", 0)],
        *[(given, None, 0) for given in (None, "", "null", "n/a")],
        *[(given, True, 1) for given in ("oui", "on", "private", 2, [1], {"a": 1})],
    ],
)
def test_whoever_may_want_to_be_private_is(
    tmp_path: Path, key: str, given: Any, private: bool | None, noted: int
) -> None:
    tables, report = read_folder(only(tmp_path / "in", users=lines([{"userId": "1", key: given}])), tmp_path)
    assert tables.nodes["User"]["isPrivate"].to_list() == [private]
    assert ("isPrivate", "true or false") in [(column.ours, column.how) for column in report.files[0].columns]
    assert report.files[0].reasons == ({f"{key} cannot be read: taken for true": 1} if noted else {})
    if not isinstance(given, (list, dict)):
        (tmp_path / "parquet").mkdir()
        tables, parquet = users_of(tmp_path / "parquet", key, [given])
        assert tables.nodes["User"]["isPrivate"].to_list() == [private]
        assert parquet.noted == noted


def test_of_repeated_rows_any_that_says_private_counts(tmp_path: Path) -> None:
    rows = [
        {"userId": "1", "isPrivate": True, "viewCount": 1},
        {"userId": "1", "isPrivate": False, "viewCount": 2},
        {"userId": "2", "isPrivate": True, "is_private": False},
        {"userId": "3", "isPrivate": False},
    ]
    tables, _ = read_folder(only(tmp_path / "in", users=lines(rows)), tmp_path)
    found = tables.nodes["User"].select("userId", "isPrivate", "viewCount").rows()
    assert found == [("1", True, 2), ("2", True, None), ("3", False, None)]
