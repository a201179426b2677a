from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from cli.table_width import show


@pytest.mark.parametrize(("width", "lost"), [(120, []), (46, ["spread"]), (38, ["spread", "the mean"]), (12, None)])
def test_no_name_and_no_figure_is_cut(width: int, lost: list[str] | None) -> None:
    table = Table("model", "MAE", "the mean", "spread")
    table.add_row("network, steps of 1,024", "0.5413", "0.8285", "0.5574–0.6438")
    text = io.StringIO()
    show(table, Console(file=text, width=width), ("spread", "the mean"))
    printed = text.getvalue()
    assert "…" not in printed
    if lost is not None:
        assert "network, steps of 1,024" in printed
        assert "0.5413" in printed
        assert ("0.5574–0.6438" in printed) == ("spread" not in lost)
        assert ("0.8285" in printed) == ("the mean" not in lost)
        assert all(name in printed for name in lost)
