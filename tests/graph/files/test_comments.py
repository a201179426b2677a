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
        pytest.param("#who,what\n1,10\n2,11\n", True, {("1", "10"), ("2", "11")}, 0, id="one of other names"),
        pytest.param("#item,user\n# more\n10,1\n11,2\n", None, {("1", "10"), ("2", "11")}, 1, id="a comment below"),
        pytest.param(
            "#what,who\n# more\n1,10\n2,11\n", True, {("1", "10"), ("2", "11")}, 1, id="one of other names too"
        ),
        pytest.param("# of 2020\nwho,what\n1,10\n", True, {("1", "10")}, 1, id="a comment and a header"),
        pytest.param("#who,what\nann,rock\nbob,jazz\n", True, None, 0, id="one of two"),
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
