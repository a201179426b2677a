"""Files as other tools write them: what is read has the right value, what cannot be told is refused."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from graph.errors import InputError, SettingsError
from graph.files.options import Options
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables, read_folder, read_pairs
from graph.files.text import check_encoding
from graph.files.times import milliseconds
from tests.graph.keakr import lines, of, only

DAY = 86_400_000
NEW_YEAR = 1_577_836_800_000
"""The first millisecond of 2020."""


def pairs(tmp_path: Path, text: str | bytes, name: str = "x.csv", options: Options | None = None) -> Tables:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    tables, report = read_pairs(tmp_path / name, None, tmp_path / "home", options=options)
    report.check()
    return tables


def watched(tables: Tables) -> set[tuple[str, str]]:
    users, contents, edges = tables.ids["User"], tables.ids["Content"], tables.edges["WATCHED"]
    return {(users[u], contents[c].removeprefix("keaks/")) for u, c in edges.select("source", "target").rows()}


def parquet(**columns: pl.Series) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("sep=;\nuser;item\n1;a,b\n", {("1", "a,b")}, id="a spreadsheet's line about the separator"),
        pytest.param('"sep=,"\r\nuser,item\r\n1,10\r\n', {("1", "10")}, id="the same in quotes"),
        pytest.param("user,item\n1,10\n2\n3,12,9\n4,13\n", {("1", "10"), ("4", "13")}, id="ragged rows, known header"),
        pytest.param("user,item,x,x\n1,10,3,4\n", {("1", "10")}, id="an ignored name twice"),
        pytest.param("1,10,20200131\n2,11,20200201\n", {("1", "10"), ("2", "11")}, id="dates of eight digits"),
        pytest.param("1,10,a\tb\n2,11,c\td\n", {("1", "10"), ("2", "11")}, id="tabs within a field"),
        pytest.param("1\ta,b\n2\tc,d\n", {("1", "a,b"), ("2", "c,d")}, id="commas within a field"),
        pytest.param("listener,song,ts\nann,s,2020-01-01\n", {("ann", "s")}, id="other words for people"),
        pytest.param(
            "user,item\n1,10\n\ufeffuser,item\n2,11\n", {("1", "10"), ("2", "11")}, id="two tables end to end"
        ),
        pytest.param("user,item,comment\n1,10,lovely\n", {("1", "10")}, id="a comment is no flag"),
        pytest.param(
            "\ufeff1,10\n2,11\n\ufeff3,12\n3,13\n",
            {("1", "10"), ("2", "11"), ("3", "12"), ("3", "13")},
            id="files with marks end to end",
        ),
        pytest.param(
            '\ufeff"1","10"\n"2","11"\n\ufeff"3","12"\n"\ufeff3","1\ufeff3"\n',
            {("1", "10"), ("2", "11"), ("3", "12"), ("3", "1\ufeff3")},
            id="the same in quotes",
        ),
        pytest.param(
            "\ufeff1,10\n\ufeff2,11\n".encode("utf-16-le"), {("1", "10"), ("2", "11")}, id="the same in UTF-16"
        ),
        pytest.param("user_id,film\nann,b\n", {("ann", "b")}, id="one name that can be nothing else"),
        pytest.param(
            "user:1,item:5\nuser:2,item:6\n", {("user:1", "item:5"), ("user:2", "item:6")}, id="colons in ids"
        ),
        pytest.param("user:token\titem:token\nann\tb\n", {("ann", "b")}, id="RecBole's types"),
        pytest.param(
            "user,thing\nann,b1\nbob,c2\n", {("ann", "b1"), ("bob", "c2")}, id="one name, and ids with digits"
        ),
        pytest.param("who,what\nu1,b1\nu2,c2\n", {("u1", "b1"), ("u2", "c2")}, id="words above digits in both"),
        pytest.param("who,what\nann,1\nbob,2\n", {("ann", "1"), ("bob", "2")}, id="a word above numbers"),
        pytest.param("kate,book\nbob,book\n", {("kate", "book"), ("bob", "book")}, id="a thing called book"),
        pytest.param('"user"\t"item"\n1\t10\n2\t11\n', {("1", "10"), ("2", "11")}, id="quoted names and tabs (R)"),
        pytest.param('"item"\t"user"\n10\t1\n11\t2\n', {("1", "10"), ("2", "11")}, id="the item first"),
        pytest.param('"ann"\t"s1"\n"bob"\t"s2"\n', {("ann", "s1"), ("bob", "s2")}, id="all quoted, and tabs"),
        pytest.param(
            'user\ttitle\titem\n1\t12" mix\t10\n2\t"Hello"\t11\n', {("1", "10"), ("2", "11")}, id="a title in quotes"
        ),
        pytest.param('user\titem\ttitle\n1\t\t"x"\n2\t11\t12" mix\n', {("2", "11")}, id="no item before quotes"),
        pytest.param('"user" "item"\n1 10\n2 11\n', {("1", "10"), ("2", "11")}, id="quoted names and spaces"),
        pytest.param('"user" | "item"\n"1" | "10"\n', {("1", "10")}, id="spaces around a bar"),
        pytest.param(
            "# item_id,user_id\n10,1\n11,1\n12,2\n", {("1", "10"), ("1", "11"), ("2", "12")}, id="a comment names"
        ),
        pytest.param("# item user\n10\t1\n11\t2\n", {("1", "10"), ("2", "11")}, id="a comment names, with a space"),
        pytest.param("# by us\n# item,user\n10,1,5\n11,2,4\n", {("1", "10"), ("2", "11")}, id="the last one names two"),
        pytest.param("# item,user\nuser,item\n1,10\n", {("1", "10")}, id="a comment above the header"),
        pytest.param("user #,item #\n1,10\nuser #,item #\n2,11\n", {("1", "10"), ("2", "11")}, id="names with a #"),
        pytest.param("#item,user\n10,1\n#item,user\n11,2\n", {("1", "10"), ("2", "11")}, id="a marked header twice"),
        pytest.param("#made by us, 2020\nuser,item\n1,10\n", {("1", "10")}, id="a comment with a comma"),
        pytest.param("% bip unweighted\n% 3 2 2\n1 10\n2 11\n", {("1", "10"), ("2", "11")}, id="as KONECT writes it"),
        pytest.param("1,1000000000\n2,1000000001\n", {("1", "1000000000"), ("2", "1000000001")}, id="large ids"),
    ],
)
def test_tables_as_other_tools_write_them(tmp_path: Path, text: str | bytes, found: set[tuple[str, str]]) -> None:
    assert watched(pairs(tmp_path, text)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("0\t2010-10-19T23:55:27Z\t30.2\t7\n", "user=1,item=3,time=2", id="the time second (Gowalla)"),
        pytest.param("2020-01-01,1,10\n2020-01-02,2,11\n", "column 1 holds times", id="the date first"),
        pytest.param("1,978300760,10\n2,978300761,11\n", "column 2 holds times", id="Unix seconds second"),
        pytest.param("kate,book\nbob,lamp\nann,chair\n", "--header or --no-header", id="a row, or one known name"),
        pytest.param(
            "alice,Intro\nbob,Song 2\ncarl,Song 3\n", "--header or --no-header", id="titles, and one with no digit"
        ),
        pytest.param("anna,Thriller\nu2,Bad\nu3,Bad\n", "--header or --no-header", id="people, and one with no digit"),
        pytest.param(
            "who,what,when\nann,b1,2020-01-01\nbob,c2,\ncy,c3,2020-01-02\n", "user=A,item=B", id="a word above dates"
        ),
        pytest.param("ann,movie:Alien\nbob,movie:Heat\n", "--header or --no-header", id="kinds before things"),
        pytest.param("ann,Alien\nbob,Se7en\n", "--header or --no-header", id="one row with a digit proves nothing"),
        pytest.param("kate,Video\nbob,lamp\n", "--header or --no-header", id="the same with a capital"),
        pytest.param(
            "#alice,10\n#bob,11\ncarl,12\ndora,13\n", "--no-header if it is a row", id="rows with a # in front"
        ),
        pytest.param("%alice 10\ncarl 12\ndora 13\n", "--no-header if it is a row", id="or a %, and a space"),
        pytest.param("user,bike\nann,lamp\n", "--header or --no-header", id="a person called user, or a header"),
        pytest.param("user,item,item\n1,10,20\n", "--columns item=2", id="a needed name twice"),
        pytest.param(",0,1\n0,7,10\n1,8,11\n", "--columns user=2,item=3", id="numbers of rows under a nameless column"),
        pytest.param("%%MatrixMarket matrix\n3 3 2\n1 2 1\n2 3 1\n", "MatrixMarket", id="a matrix that says its size"),
        pytest.param(gzip.compress(b"user,item\n1,10\n"), "no text but gzip", id="gzip under another name"),
        pytest.param("1,10,11,12\n2,10\n3,10,12\n", "Write one user and one item a row", id="several items a row"),
        pytest.param("1 10 11 12\n2 10\n", "no separator", id="the same with spaces"),
        pytest.param(
            "1:\n" + "1488844,3,2005-09-06\n" * 12 + "2:\n822109,5,2005-05-13\n", "user,item,time", id="Netflix Prize"
        ),
        pytest.param("1:\n1488844,3,2005-09-06\n", "user,item,time", id="the same, one row"),
        pytest.param("7,3\n" * 30 + "2:\n8,5\n3:\n9,4\n", "user,item,time", id="the same, cut out of one"),
        pytest.param("<!DOCTYPE html>\n<p>1,2</p>\n", "Is it the right file", id="a page in place of a file"),
        pytest.param("u" * 140_000 + ",1\n2,3\n", "hold no row", id="a first line that is too long"),
        pytest.param("# said\n\n" + "u" * 140_000 + ",1\n2,3\n", "hold no row", id="the same below a comment"),
        pytest.param("1" * 140_000, "hold no row", id="nothing but a long line"),
        pytest.param("\n" * 140_000 + "1,2\n", "hold no row", id="blank lines before the first row"),
    ],
)
def test_layouts_that_would_be_misread_are_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as error:
        pairs(tmp_path, text)
    assert said in f"{error.value} {error.value.do}"


def test_one_row_that_was_cut_off_costs_that_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,10\n5:\n2,11\n3,12\n")
    tables, report = read_pairs(tmp_path / "x.csv", None, tmp_path / "home", options=Options(","))
    assert watched(tables) == {("1", "10"), ("2", "11"), ("3", "12")}
    assert (report.files[0].read, report.files[0].quarantined) == (4, 1)


def test_sections_are_refused_whatever_the_columns_are_called(tmp_path: Path) -> None:
    text = "1:\n" + "1488844,3,2005-09-06\n" * 12
    with pytest.raises(InputError, match="Netflix"):
        pairs(tmp_path, text, options=Options(columns={"user": "1", "item": "2", "time": "3"}))
    assert watched(pairs(tmp_path, "5:6\n7:\n", options=Options(":", header=False))) == {("5", "6")}


@pytest.mark.parametrize("name", ["followers", "audiences"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("1577836800,1,10\n1577836801,2,10\n1577836805,3,11\n", 1, id="the time first"),
        pytest.param("1,1577836800,10\n2,1577836801,10\n3,1577836805,11\n", 2, id="the time second"),
        pytest.param("1577836800,1,2020-01-01\n1577836801,2,\n", None, id="large ids, and a time where it belongs"),
        pytest.param("1577836800,1,\n1577836801,2,\n", None, id="large ids and no time"),
        pytest.param("1577836800,1\n1577836801,2\n", None, id="large ids alone"),
        pytest.param("1577836800,1,soon\n1577836801,2,later\n", 1, id="no time at the time's place"),
        pytest.param("1577836800,1,2020-01-01\n1577836801,2,null\n", None, id="large ids, and a time that is missing"),
        pytest.param("1577836800,1,\\N\n1577836801,2,2020-01-02\n", None, id="missing as in databases"),
        pytest.param("1577836800,1,NaT\n1577836801,2,n/a\n", None, id="large ids, and all times missing"),
    ],
)
def test_a_folders_file_with_the_time_in_place_of_an_id_is_refused(
    tmp_path: Path, name: str, text: str, place: int | None
) -> None:
    folder = only(tmp_path / "in", **{name: text})
    if place is None:
        _, report = read_folder(folder, tmp_path)
        assert report.files[0].loaded == text.count("\n")
        return
    with pytest.raises(InputError, match=f"column {place} holds times"):
        read_folder(folder, tmp_path)


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        pytest.param("1577836800,1,2020-01-01,0.5\n1577836801,2,null,0.7\n", 2, id="missing"),
        pytest.param("1577836800,1,2020-01-01,0.5\n1577836801,2,soon,0.7\n", 1, id="no time"),
        pytest.param("1577836800,1,,0.5\n1577836801,2,,0.7\n", 2, id="missing throughout"),
    ],
)
def test_a_time_that_is_missing_or_wrong_does_not_make_times_of_ids(tmp_path: Path, text: str, loaded: int) -> None:
    _, report = read_folder(only(tmp_path / "in", audiences=text), tmp_path)
    assert report.files[0].loaded == loaded


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param('"ann"x,"s1"\n"bob"y,"s2"\n', Options(","), id="no row can be read"),
        pytest.param('"user"x,"item"\n1,10\n2,11\n', Options(header=True), id="the header cannot be read"),
    ],
)
def test_a_first_row_with_broken_quotes_is_refused_where_it_is_needed(
    tmp_path: Path, text: str, options: Options
) -> None:
    with pytest.raises(InputError, match="the quotes of its first row"):
        pairs(tmp_path, text, options=options)


TIMED = "user,item,date\n1,10,01/02/2020\n2,11,31/12/2020\n"


@pytest.mark.parametrize("more", [{}, {"user": "user", "item": "item"}, {"user": "1", "item": "2"}])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(TIMED, "x.csv", id="named"),
        pytest.param(TIMED.replace("item,date", "item,date,date").replace("20\n", "20,x\n"), "x.csv", id="named twice"),
        pytest.param("1,10,01/02/2020\n2,11,31/12/2020\n", "x.csv", id="no header"),
        pytest.param("1,10,20200102\n2,11,20200103\n", "x.csv", id="no header, and times"),
        pytest.param(lines([{"user": 1, "item": 10, "date": "x"}, {"user": 2, "item": 11}]), "x.jsonl", id="JSON"),
    ],
)
def test_a_column_may_be_left_out(tmp_path: Path, text: str, name: str, more: dict[str, str]) -> None:
    if name == "x.jsonl" or "date" in text:
        more = {key: {"1": "user", "2": "item"}.get(given, given) for key, given in more.items()}
    else:
        more = {key: {"user": "1", "item": "2"}.get(given, given) for key, given in more.items()}
    tables = pairs(tmp_path, text, name, Options(columns={**more, "time": "-"}))
    assert watched(tables) == {("1", "10"), ("2", "11")}
    assert tables.edges["WATCHED"]["lastAt"].null_count() == 2


def test_a_time_of_a_folders_file_may_be_left_out(tmp_path: Path) -> None:
    folder = only(tmp_path / "in", followers="1,2,soon\n2,3,later\n", audiences="1,10,soon,.5\n2,10,later,.7\n")
    tables, report = read_folder(folder, tmp_path, options=Options(columns={"time": "-", "since": "-"}))
    assert (report.quarantine, tables.edges["WATCHED"].height, tables.edges["FOLLOWS"].height) == (None, 2, 2)
    assert tables.edges["WATCHED"]["progress"].null_count() == 0


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        pytest.param({"user": "1", "item": "2", "progress": "3", "time": "3"}, "'when' of x.csv twice", id="a number"),
        pytest.param({"user": "who", "item": "1"}, "'who' of x.csv twice", id="a name and its number"),
        pytest.param({"user": "1", "item": "4"}, "no column '4'", id="beyond the last column"),
        pytest.param({"user": "1", "item": "0"}, "no column '0'", id="before the first"),
        pytest.param({"user": "1", "item": "²"}, "no column '²'", id="a digit that is no number"),
        pytest.param({"user": "1", "item": "9" * 5_000}, "no column '99", id="a number without end"),
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_columns_that_cannot_be_are_refused(tmp_path: Path, name: str, columns: dict[str, str], said: str) -> None:
    text = "who,what,when\n1,10,0\n" if name == "x.csv" else lines([{"who": 1, "what": 10, "when": 0}])
    with pytest.raises((InputError, SettingsError)) as error:
        pairs(tmp_path, text, name, Options(columns=columns, header=True))
    assert said.replace("x.csv", name) in f"{error.value}"


@pytest.mark.parametrize("separator", ["🎵", "é", "<>", ":"])
def test_a_separator_may_be_any_text(tmp_path: Path, separator: str) -> None:
    text = f'1{separator}"a{separator}b\nc"\n2{separator}d\n'
    assert watched(pairs(tmp_path, text, options=Options(separator))) == {("1", f"a{separator}b\nc"), ("2", "d")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('{"user":1,"item":2}{"user":3,"item":4}', {("1", "2"), ("3", "4")}, id="one after the other"),
        pytest.param(
            '{"user":1,"item":2},\n{"user":3,"item":4},\n', {("1", "2"), ("3", "4")}, id="commas between lines"
        ),
        pytest.param('{"user":1,"item":2}\n\ufeff{"user":3,"item":4}\n', {("1", "2"), ("3", "4")}, id="a mark between"),
        pytest.param('{"user":1e3,"item":2}', {("1000", "2")}, id="whole floats"),
        pytest.param('{"user":9007199254740993.0,"item":2}\n{"user":1,"item":2}', {("1", "2")}, id="too many digits"),
        pytest.param('{"user":true,"item":2}\n{"user":1,"item":2}', {("1", "2")}, id="flags"),
        pytest.param('{"user":Infinity,"item":2}\n{"user":1,"item":2}', {("1", "2")}, id="infinity"),
        pytest.param(
            '{"user":{"$numberDouble":"NaN"},"item":2}\n{"user":{"$numberDecimal":"1.0"},"item":2}',
            {("1", "2")},
            id="MongoDB's NaN",
        ),
    ],
)
def test_ids_in_json(tmp_path: Path, text: str, found: set[tuple[str, str]]) -> None:
    assert watched(pairs(tmp_path, text, "x.jsonl")) == found


def users(tmp_path: Path, text: str) -> tuple[list[str], ImportReport]:
    tables, report = read_folder(only(tmp_path / "in", users=text), tmp_path / "home")
    return tables.ids["User"].to_list(), report


def test_ids_of_a_node_file_that_are_no_ids_are_refused_with_their_reason(tmp_path: Path) -> None:
    text = '{"userId":9007199254740993.0}\n{"userId":1e3}\n{"userId":true}\n{"userId":"true"}\n{"userId":{"a":1}}\n'
    ids, report = users(tmp_path, text)
    assert ids == ["1000", "true"]
    assert of(report, "users.jsonl").reasons == {"userId is neither text nor a whole number": 3}
    assert of(report, "users.jsonl").noted == 0  # nothing of them was loaded


def test_counts_that_are_too_large_are_told(tmp_path: Path) -> None:
    _, report = users(tmp_path, '{"userId":"1","viewCount":1e300,"friendCount":12.7}\n')
    assert of(report, "users.jsonl").reasons == {"viewCount is too large: loaded without it": 1}


def test_people_and_contents_are_called_what_the_file_calls_them(tmp_path: Path) -> None:
    people = lines(
        [{"userId": "1", "username": "Ada"}, {"userId": "2", "name": "Bo", "nickname": "B"}, {"userId": "3"}]
    )
    keaks = lines([{"keakId": "1", "name": "Rain"}, {"keakId": "2", "title": "Sun", "caption": "S"}])
    tables, report = read_folder(only(tmp_path / "in", users=people, keaks=keaks), tmp_path / "home")
    assert tables.nodes["User"]["name"].to_list() == ["Ada", "Bo", None]
    assert tables.nodes["Content"]["title"].to_list() == ["Rain", "Sun"]
    assert ("username", "name") in [(column.title, column.ours) for column in of(report, "users.jsonl").columns]


def test_numbers_of_parquet_that_are_none_are_missing(tmp_path: Path) -> None:
    numbers = pl.Series([90.0, float("nan"), float("inf")])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "beats.parquet").write_bytes(
        parquet(beatId=pl.Series(["1", "2", "3"]), bpm=numbers, nbLikes=numbers)
    )
    tables, report = read_folder(tmp_path / "in", tmp_path / "home")
    nodes = tables.nodes["Content"].sort("beatId")
    assert nodes["bpm"].to_list() == [90.0, None, None]
    assert nodes["nbLikes"].to_list() == [90, None, None]
    assert of(report, "beats.parquet").noted == 2  # the infinite ones


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
def test_floats_of_parquet_that_lost_digits_are_refused(tmp_path: Path, dtype: type[pl.DataType]) -> None:
    first_lost = 2**24 if dtype == pl.Float32 else 2**53
    whole = pl.Series([1.0, first_lost - 1], dtype=dtype)
    lost = pl.Series([1.0, first_lost], dtype=dtype)
    ids = pl.Series(["a", "b"])
    assert len(watched(pairs(tmp_path, parquet(user=whole, item=ids), "x.parquet"))) == 2
    with pytest.raises(InputError, match="too large"):
        pairs(tmp_path, parquet(user=lost, item=ids), "x.parquet")
    for name, columns in (("users", {"userId": lost}), ("keaks", {"keakId": ids, "userId": lost})):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.parquet").write_bytes(parquet(**columns))
        with pytest.raises(InputError, match="too large"):
            read_folder(tmp_path / name, tmp_path / "home")


def test_hashtags_that_differ_by_case_or_form_are_one_under_the_first_spelling(tmp_path: Path) -> None:
    keaks = lines(
        [
            {"keakId": "1", "hashtags": ["#Fun", "fun", "FUN", " # fun ", "E\u0301te\u0301"]},
            {"keakId": "2", "hashtags": ["FUN", "éTÉ", "other"]},
        ]
    )
    tables, _ = read_folder(only(tmp_path / "in", keaks=keaks), tmp_path / "home")
    assert set(tables.ids["Hashtag"]) == {"Fun", "Été", "other"}
    assert tables.edges["TAGGED"].height == 5


def test_names_that_can_be_no_key_are_left_out_and_told(tmp_path: Path) -> None:
    beats = lines([{"beatId": "1", "genres": ["g" * 501, "ok"], "moods": [{"id": "m", "name": "a\x07b"}]}])
    tables, report = read_folder(only(tmp_path / "in", beats=beats), tmp_path / "home")
    assert tables.ids["Genre"].to_list() == ["ok"]
    assert not len(tables.ids["Mood"])
    assert of(report, "beats.jsonl").noted == 2


def test_dates_of_eight_digits_are_dates() -> None:
    found = milliseconds(pl.Series(["20200101", "20200102.0", "20200231", "19891231", "2020010"]), now=NEW_YEAR + DAY)
    assert found.at.to_list() == [NEW_YEAR, None, None, None, None]


def test_node_files_show_their_first_rows(tmp_path: Path) -> None:
    rows = [{"userId": n, "viewCount": {"$numberLong": "7"}, "extra": [n]} for n in range(5)]
    _, report = users(tmp_path, lines(rows))
    (file,) = report.files
    assert [(column.title, column.ours) for column in file.columns] == [
        ("userId", "userId"), ("viewCount", "viewCount"), ("extra", None),
    ]  # fmt: skip
    assert file.preview == [["0", "7", "[0]"], ["1", "7", "[1]"], ["2", "7", "[2]"]]


@pytest.mark.parametrize("name", ["rot13", "undefined", "no such", "a\x00b", ""])
def test_what_is_no_encoding_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="no text encoding"):
        check_encoding(name)
