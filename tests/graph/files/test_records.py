"""Fields and rows of separated text, beside Python's own csv module and Python's own rule for ids."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import EntourageError
from graph.files.canonical import checked
from graph.files.layout import _SEPARATORS
from graph.files.quarantine import ImportReport
from graph.files.records import parse, records
from graph.files.tables import Tables, read_folder, read_pairs
from graph.identifiers import canonical_user

FIELD = st.text('ab1"\n,;:|\t é\xa0', max_size=6)
SEPARATORS = (*_SEPARATORS, " ", " - ")


def in_chunks(data: bytes, separator: str, size: int) -> list[list[str]]:
    """The first three fields of each row, read ``size`` lines at a time; missing ones are empty."""
    rest, found = b"", []
    lines = data.splitlines(keepends=True)
    for start in range(0, len(lines), size):
        chunk = rest + b"".join(lines[start : start + size])
        parsed = parse(chunk, separator, 3, 1, final=start + size >= len(lines))
        found += [[field or "" for field in row[:3]] for row in parsed.frame.rows()]
        assert not len(parsed.broken)
        rest = parsed.rest
    assert not rest
    return found


@pytest.mark.parametrize("separator", [separator for separator in SEPARATORS if len(separator) == 1])
@given(rows=st.lists(st.lists(FIELD, min_size=2, max_size=3), min_size=1, max_size=12), size=st.integers(1, 60))
def test_what_csv_writes_is_read_as_it_was_in_chunks_of_any_size(
    separator: str, rows: list[list[str]], size: int
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    found = in_chunks(written.getvalue().encode(), separator, size)
    assert found == [row + [""] * (3 - len(row)) for row in rows]


@pytest.mark.parametrize("separator", SEPARATORS)
@given(
    rows=st.lists(st.lists(st.tuples(FIELD, st.booleans()), min_size=3, max_size=3), min_size=1, max_size=12),
    size=st.integers(1, 60),
)
def test_quotes_around_some_fields_move_no_other_field(
    separator: str, rows: list[list[tuple[str, bool]]], size: int
) -> None:
    def written(field: str, *, quoted: bool) -> str:
        needed = set(field) & {'"', "\n", *separator} or (separator == " " and not field)
        return '"' + field.replace('"', '""') + '"' if quoted or needed else field

    text = "".join(separator.join(written(field, quoted=quoted) for field, quoted in row) + "\n" for row in rows)
    expected = [[field for field, _ in row] for row in rows]
    assert in_chunks(text.encode(), separator, size) == expected
    assert [row for _, _, row in records(text, separator, final=True)[0]] == expected, "polars reads most of the above"


@pytest.mark.parametrize("separator", SEPARATORS)
def test_white_space_around_quotes_belongs_to_no_field(separator: str) -> None:
    row = separator.join(('"a"', "b", ' "c" ' if separator != " " else '"c"'))
    assert parse(f" {row}\n".encode(), separator, 3, 1, final=True).frame.row(0)[:3] == ("a", "b", "c")


def test_a_quote_that_is_never_closed_costs_its_line_only() -> None:
    parsed = parse(b'1,"open\n2,20\n3,"12" mix"\n4,12" mix\n', ",", 2, 1, final=True)
    assert parsed.broken.tolist() == [0, 2]
    assert [row[:2] for row in parsed.frame.rows()][1::2] == [("2", "20"), ("4", '12" mix')]
    assert parsed.lines.tolist() == [1, 2, 3, 4]
    assert parsed.raw(pl.Series([2])).to_list() == ['3,"12" mix"']


def test_rows_over_several_lines_have_the_line_they_begin_in() -> None:
    parsed = parse(b'1,"a\nb"\n2,c\n', ",", 2, 5, final=True)
    assert parsed.lines.tolist() == [5, 7]
    assert parsed.raw(pl.Series([0])).to_list() == ['1,"a\nb"']


@given(
    st.lists(
        st.text(max_size=8)
        | st.text("Ee\u0301 /users\n\t\x1f\x85\u2028", max_size=8)
        | st.text("é", min_size=245, max_size=255)
        | st.text("0123.eE+-", min_size=2, max_size=9)
        | st.from_regex(
            r"-?[0-9]{1,8}(\.[0-9]{0,7})?([eE][+-]?[0-9]{1,3})?|\\N|[0-9]\.[0-9]{6}e\+[01][0-9]", fullmatch=True
        )
    )
)
def test_ids_of_columns_are_those_of_the_one_rule(texts: list[str]) -> None:
    ids, why = checked("userId", pl.Series(texts, dtype=pl.String), ("users/",))
    for text, found, reason in zip(texts, ids, why, strict=True):
        try:
            expected = canonical_user(text)
        except ValueError:
            assert reason is not None
            continue
        assert reason is None
        assert found.removeprefix("users/") == expected


@pytest.mark.parametrize(
    ("given_id", "found"),
    [
        ("1.0", "1"),
        ("2.50", None),
        ("1e+05", "100000"),
        ("1e+20", None),
        ("1e5", "1e5"),
        ("1.2345678E7", "12345678"),  # Java
        ("1.0E-5", None),
        ("1.23457E+12", None),  # a spreadsheet: other numbers look the same
        ("1.234568e+12", None),  # C
        ("1.5e+12", "1500000000000"),
        ("1.234567e+06", "1234567"),
        (r"\N", None),
        ("v1.0", "v1.0"),
        ("1.0.0", "1.0.0"),
        ("nan", "nan"),
        ("", None),
        ("007", "007"),
        ("1.e+05", "100000"),
        ("1.5e+400", None),
        ("999999999999999.0", "999999999999999"),
        ("1e+15", None),
        ("-3.0", "-3"),
    ],
)
def test_floats_are_whole_ids_or_none(given_id: str, found: str | None) -> None:
    ids, why = checked("userId", pl.Series([given_id]), ("users/",))
    assert (ids[0] if why[0] is None else None) == found
    try:
        assert canonical_user(given_id) == found, "events and addresses have the same rule"
    except ValueError:
        assert found is None


# ruff: noqa: E501 (a corpus reads best with one input after the other)
BROKEN = [
    b"", b"\n\n\n", b"\x00\x00\x00\x00", b"\xff\xfe", b"\xff\xfea", b"\xef\xbb\xbf", b'"', b'",', b'"""', b",,,\n,,,\n", b"#\n#\n", b"#", b"[", b"{",
    b"[[[[", b"[]", b"{}", b"[1, 2]", b'[{"user": 1, "item": [2]}]', b'[{"userId": 1}, ', b'{"userId": 1}{"userId": 2}', b"[" * 100_000,
    b'{"a":' * 50_000, b'{"userId": "\\ud800"}', b'{"userId": 1e999, "item": NaN}', b'{"userId": {"$oid": {"$oid": [1]}}}', b'{"userId": true}',
    b'{"userId": 1, "createdAt": {"$date": {"$numberLong": "x"}}}', b'{"userId": 1, "createdAt": 99999999999999999999999999}', b"null", b"1",
    b'{"userId": 1, "usedGenres": [[1], {"id": {"x": 1}}, null], "likeCount": 1e400}', b"user,item\n1,2,3,4,5,6,7,8\n", b"user,item\n\x00,1\n2,\x01\n",
    b"user,item,timestamp\n1,2,1e400\n1,2,-9999999999999999999999\n1,3,2020-13-45\n", b"user,item\n" + b"9" * 100_000 + b",1\n", b"a" * 300_000,
    b"user,item,progress\n1,2,inf\n1,3,-inf\n2,3,nan\n", b"user,item,liked\n1,2,\xc3\xa9\n", b"PAR1", b"\x1f\x8b\x08\x00", b"1::2\n3::\x1f4\n", b"1 2\n3 4 5\n",
]  # fmt: skip


def adds_up(read: Callable[[], tuple[Tables, ImportReport]]) -> None:
    """An error of ours that says what to do, or counts that add up."""
    try:
        _, report = read()
    except EntourageError as error:
        assert error.do  # noqa: PT017
        return
    for entry in report.files:
        assert entry.read == entry.loaded + entry.merged + entry.refused


@pytest.mark.parametrize("data", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize(
    "name",
    [
        "users.jsonl",
        "keaks.json",
        "audiences.csv",
        "followers.tsv",
        "audiences.jsonl",
        "audiences.csv.gz",
        "users.parquet",
    ],
)
def test_no_input_is_a_bug(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / name
    file.write_bytes(data)
    adds_up(lambda: read_folder(tmp_path / "in", tmp_path))
    adds_up(lambda: read_pairs(file, None, tmp_path))


@given(st.binary(max_size=60) | st.text('12,;|\t "\n#{}[]:.eE+-au', max_size=60).map(str.encode))
def test_no_bytes_are_a_bug(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "audiences.csv").write_bytes(data)
    (folder / "users.jsonl").write_bytes(data)
    adds_up(lambda: read_folder(folder, folder))
    adds_up(lambda: read_pairs(folder / "audiences.csv", None, folder))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("userId", pl.Series([[1]])), ("userId", pl.Series([{"a": 1}])), ("userId", pl.Series([b"\xff"])), ("userId", pl.Series([True])),
        ("userId", pl.Series([1e17])), ("timestamp", pl.Series([[1]])), ("progress", pl.Series(["x"])), ("liked", pl.Series([2.5])),
    ],
)  # fmt: skip
def test_wrong_types_in_parquet_are_refused(tmp_path: Path, column: str, values: pl.Series) -> None:
    frame = pl.DataFrame({"userId": ["1"], "contentId": ["2"]}).with_columns(values.alias(column))
    frame.write_parquet(tmp_path / "audiences.parquet")
    with pytest.raises(EntourageError) as error:
        read_folder(tmp_path, tmp_path)[1].check()
    assert error.value.do


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_as_pandas_writes_it(tmp_path: Path, unit: str) -> None:
    at = pl.Series(["2020-01-01T00:00:00"]).str.to_datetime(time_unit=unit)  # type: ignore[arg-type]
    frame = pl.DataFrame({"user_id": [1.0, 2.5, None, 2.0], "item_id": [10, 11, 12, 13]})
    frame.with_columns(timestamp=pl.concat([at] * 4)).write_parquet(tmp_path / "audiences.parquet")
    tables, report = read_folder(tmp_path, tmp_path)
    assert tables.ids["User"].to_list() == ["1", "2"]
    assert tables.edges["WATCHED"]["firstAt"].to_list() == [1_577_836_800_000] * 2
    assert report.files[0].quarantined == 2
