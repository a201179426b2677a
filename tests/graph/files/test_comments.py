"""Lines with # or % in front: comments, the header, or rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import InputError
from graph.files.options import Options
from graph.files.tables import read_pairs
from tests.graph.files.test_layouts import pairs, watched


@pytest.mark.parametrize(
    ("text", "header", "found", "comments"),
    [
        pytest.param(
            "#ann,10\n#bob,11\ncarl,12\n", False, {("#ann", "10"), ("#bob", "11"), ("carl", "12")}, 0, id="rows"
        ),
        pytest.param(
            "# by us\n#ann,10\ncarl,12\n", False, {("#ann", "10"), ("carl", "12")}, 1, id="rows and a comment"
        ),
        pytest.param("% bip\n1 10\n2 11\n", False, {("1", "10"), ("2", "11")}, 1, id="a comment"),
        pytest.param("#item,user\n10,1\n11,2\n", True, {("1", "10"), ("2", "11")}, 0, id="a marked header"),
        pytest.param("#who,what\n1,10\n2,11\n", True, {("2", "11")}, 1, id="a row below that --header says"),
        pytest.param("#my export, 2020\n0,1\n5,10\n", True, {("5", "10")}, 1, id="numbered columns (pandas)"),
        pytest.param("#my export, 2020\nuser1,item1\n5,10\n", True, {("5", "10")}, 1, id="names with digits"),
        pytest.param("#my export, 2020\nwho,what\n5,10\n", True, {("5", "10")}, 1, id="names of words"),
        pytest.param("# item,user\nwho,what\n1,10\n", True, {("1", "10")}, 1, id="two that name them"),
        pytest.param("#item,user\n# more\n10,1\n11,2\n", None, {("1", "10"), ("2", "11")}, 1, id="a comment below"),
        pytest.param("# of 2020\nwho,what\n1,10\n", True, {("1", "10")}, 1, id="a comment and a header"),
        pytest.param("#item,user\nann,rock\nbob,jazz\n", True, None, 0, id="one of two"),
        pytest.param("# item,user\nname,title\nann,b\nbob,c\n", None, None, 0, id="one of two without --header"),
        pytest.param("# a\n\n#b\nuser,item\n1,10\n", None, {("1", "10")}, 2, id="comments are counted"),
    ],
)
def test_lines_with_a_mark_are_what_the_option_says(
    tmp_path: Path, text: str, header: bool | None, found: set[tuple[str, str]] | None, comments: int
) -> None:
    (tmp_path / "x.csv").write_text(text)
    if found is None:
        with pytest.raises(InputError, match="is its header"):
            read_pairs(tmp_path / "x.csv", None, tmp_path / "home", options=Options(header=header))
        return
    tables, report = read_pairs(tmp_path / "x.csv", None, tmp_path / "home", options=Options(header=header))
    assert (watched(tables), report.files[0].comments) == (found, comments)
    assert report.files[0].header is (header is not False)
    assert len(report.files[0].preview) == len(found)


def test_names_of_columns_are_looked_for_in_a_comment_too(tmp_path: Path) -> None:
    said = Options(columns={"user": "who", "item": "what"})
    assert watched(pairs(tmp_path, "# what,who\n10,1\n11,2\n", options=said)) == {("1", "10"), ("2", "11")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("# user and item\n1,10,5\n2,11,4\n", {("1", "10"), ("2", "11")}, id="a sentence"),
        pytest.param("# from 2020 to 2021\n1,10,5,978300760\n", {("1", "10")}, id="from a year to another"),
        pytest.param("# from 2020 to 2021\n1\t10\t5\t978300760\n", {("1", "10")}, id="the same above tabs"),
        pytest.param("# from 2020 to 2021\n1 10 5 978300760\n", {("1", "10")}, id="the same above spaces"),
        pytest.param("# ratings from MovieLens to us\n1,10,5,4,3\n", {("1", "10")}, id="from somebody to us"),
        pytest.param("# ratings from MovieLens to us\n1 10 5 4 3\n", {("1", "10")}, id="the same above spaces too"),
        pytest.param("# customer,movie\ncustid,title\n1,10\n2,11\n", {("1", "10"), ("2", "11")}, id="above names"),
        pytest.param("# source,target\nnode_a,node_b\n1,10\n2,11\n", {("1", "10"), ("2", "11")}, id="above nodes"),
        pytest.param("# item,user\nwho,what\n1,10\n2,11\n", {("1", "10"), ("2", "11")}, id="in another order"),
        pytest.param("% item user time\n10 1 978300760\n11 2 978300761\n", {("1", "10"), ("2", "11")}, id="names"),
    ],
)
def test_a_comment_that_only_mentions_a_user_and_an_item_is_no_header(
    tmp_path: Path, text: str, found: set[tuple[str, str]]
) -> None:
    assert watched(pairs(tmp_path, text)) == found


def test_a_comment_in_a_table_of_follows_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("user,item\n1,10\n")
    (tmp_path / "friends").write_text("# edges from 1 to\n1,2,3,4\n")
    tables, _ = read_pairs(tmp_path / "pairs", tmp_path / "friends", tmp_path / "home")
    users = tables.ids["User"]
    assert [(users[one], users[other]) for one, other in tables.edges["FOLLOWS"].select("source", "target").rows()] == [
        ("1", "2")
    ]
