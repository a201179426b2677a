"""A report of sections as one HTML file that needs no other, and as Markdown with its pictures beside it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

__all__ = ["Part", "Picture", "Section", "Table", "html", "markdown", "moment", "number"]

_STYLE: Final = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #20242c; background: #fff; margin: 0 auto; padding: 1rem;
  max-width: 60rem }
h1 { font-size: 1.5rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-top: 1px solid #d6dae2; padding-top: 1rem }
p { overflow-wrap: anywhere }
nav ol { columns: 2 14rem }
img { max-width: 100%; height: auto; display: block; margin: 1rem 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0 1rem }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #e4e7ed; text-align: left; white-space: nowrap;
  max-width: 22rem; overflow: hidden; text-overflow: ellipsis }
th { background: #f4f6f9 }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
"""


@dataclass(frozen=True)
class Table:
    """Texts under a header; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[int, ...] = (0,)
    """Columns that hold words; the others hold numbers."""


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows, in words."""

    name: str
    shows: str
    png: bytes


Part = str | Table | Picture


@dataclass
class Section:
    """A heading and what stands under it."""

    title: str
    parts: list[Part] = field(default_factory=list)


def html(title: str, lead: str, sections: list[Section]) -> str:
    """The whole report in one file: style and pictures are in it, and it loads nothing."""
    entries = "".join(f'<li><a href="#s{place}">{escape(s.title)}</a></li>' for place, s in enumerate(sections, 1))
    body = "".join(
        f'<section id="s{place}"><h2>{place}. {escape(section.title)}</h2>'
        f"{''.join(map(_html, section.parts))}</section>"
        for place, section in enumerate(sections, 1)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(lead)}</p><nav><ol>{entries}</ol></nav>{body}</body></html>\n"
    )


def markdown(title: str, lead: str, sections: list[Section], pictures: Path) -> str:
    """The same as Markdown; the pictures are written to the folder ``pictures``, which stands beside it."""
    pictures.mkdir(exist_ok=True)
    lines = [f"# {_plain(title)}", _plain(lead)]
    for place, section in enumerate(sections, 1):
        lines.append(f"## {place}. {_plain(section.title)}")
        for part in section.parts:
            if isinstance(part, Picture):
                (pictures / f"{part.name}.png").write_bytes(part.png)
                lines.append(f"![{_plain(part.shows)}]({pictures.name}/{part.name}.png)")
            elif isinstance(part, Table):
                lines.append(_grid(part))
            else:
                lines.append(_plain(part))
    return "\n\n".join(lines) + "\n"


def number(value: float) -> str:
    """A figure of about four digits; empty where there is none."""
    if not math.isfinite(value):
        return ""
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1_000 else f"{value:.4g}"


def moment(milliseconds: float | None) -> str:
    """A time in ms since 1970 as a date; empty where there is none."""
    return "" if milliseconds is None else f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


def _html(part: Part) -> str:
    if isinstance(part, Picture):
        data = base64.b64encode(part.png).decode()
        return f'<img alt="{escape(part.shows)}" src="data:image/png;base64,{data}">'
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    head = "".join(_cell("th", name, place in part.words) for place, name in enumerate(part.header))
    rows = "".join(
        f"<tr>{''.join(_cell('td', cell, place in part.words) for place, cell in enumerate(row))}</tr>"
        for row in part.rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(part.title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(tag: str, text: str, words: bool) -> str:
    shown = escape(text)
    return f'<{tag} title="{shown}">{shown}</{tag}>' if words else f'<{tag} class="number">{shown}</{tag}>'


def _grid(table: Table) -> str:
    line = ["---" if place in table.words else "---:" for place in range(len(table.header))]
    rows = [table.header, tuple(line), *table.rows]
    grid = "\n".join("| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"**{_plain(table.title)}**\n\n{grid}"


def _plain(text: str) -> str:
    """One line whose characters Markdown and HTML print as they are."""
    line = " ".join(text.split())
    for mark in "\\`*_[]<":
        line = line.replace(mark, f"\\{mark}")
    return line
