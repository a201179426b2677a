"""Artists and their listeners as the notebook of the profile network has them, as checked tables and as arrays.

``users_artists.csv`` has user_id and artists: one artist a row, or several as ``[1, 2]`` or as numbers with spaces
between. ``likes_matrix.csv``, ``playlists_matrix.csv`` and ``user_tags_matrix.csv`` are truncated SVDs without a
header: one row an artist, in the order of the ids, numbers with spaces between. ``train_matrix.npz`` is sparse, artists
× targets. Texts may end in ``.gz`` or ``.zst``.

The graph gets the listens alone: an artist becomes an `Artist` with one track, ``tracks/<artist>``, that stands for all
of their music, so that every model, the feed and the search work on it.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.records import records
from graph.files.tables import Known, Tables
from graph.files.text import PACKED
from graph.files.token_lists import unpacked
from graph.identifiers import canonical, canonical_user
from graph.load import watch
from graph.progress import Progress

__all__ = ["MATRICES", "Published", "holds_artists", "read_artists", "read_published"]

LISTENS: Final = "users_artists.csv"
MATRICES: Final = ("likes_matrix.csv", "playlists_matrix.csv", "user_tags_matrix.csv")
TARGETS: Final = "train_matrix.npz"
_COLUMNS: Final = ("user_id", "artists")
_SHOWN: Final = 3
_NUMBER: Final = re.compile(r"[0-9]+(?:\.0*)?")
"""A whole number, also as a float is written."""
_SPACED: Final = re.compile(rf"{_NUMBER.pattern}(?:\s+{_NUMBER.pattern})+")
_COMMAS: Final = re.compile(rf"{_NUMBER.pattern}(?:\s*,\s*{_NUMBER.pattern})+")
_ITEM: Final = re.compile(
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,\[\]'"]+)(\s*,\s*|\s+(?![\s\]])|\s*(?=\]))""", re.DOTALL
)
"""One of a list, in quotes or not, and what separates it from the next; nothing before the closing bracket."""
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\", "/": "/"}


@dataclass(frozen=True)
class Published:
    """What a folder of the notebook holds; artists and people are numbered in the order of their ids."""

    artists: list[str]
    users: list[str]
    listens: sp.csr_array
    """People × artists, 1 where somebody listened. float32."""
    matrices: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = field(default_factory=dict)
    """Name of the file → (artists, components)."""
    targets: sp.csr_array | None = None
    """The notebook's targets, rows × columns; which artist a row is of, the file does not say."""
    refused: int = 0
    """Rows of listens that cannot be used; `read_artists` keeps them aside with their reasons."""


def holds_artists(folder: Path) -> bool:
    """Whether the folder has ``users_artists.csv``."""
    return folder.is_dir() and _find(folder, LISTENS) is not None


def read_published(folder: Path) -> Published:
    """Everything that the notebook reads. Raises InputError for a file that is missing, damaged or does not fit."""
    listens, report = _listens(folder, None)
    users, artists = (_in_order(listens[name].unique()) for name in ("user", "artist"))
    ends = [
        listens[name].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
        for name, names in (("user", users), ("artist", artists))
    ]
    ones = np.ones(len(ends[0]), dtype=np.float32)
    matrix = sp.csr_array((ones, (ends[0], ends[1])), shape=(len(users), len(artists)))
    matrix.data[:] = 1.0
    found = {name: _matrix(file) for name in MATRICES if (file := _find(folder, name))}
    for name, values in found.items():
        if len(values) != len(artists):
            raise InputError(
                f"{name} has {len(values):,} rows, {LISTENS} names {len(artists):,} artists.",
                do="One row belongs to one artist, in the order of the ids. Fetch both files again.",
            )
    return Published(artists, users, matrix, found, _targets(folder, len(artists)), report.quarantined)


def read_artists(
    folder: Path,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """The listens as checked tables; rows without a person or an artist go to a file under ``home``.

    ``known`` is not asked: the rows say which people and artists there are. Raises InputError when the file is missing
    or cannot be read to its end.
    """
    with quarantines.opened(home, dry=bool(options and options.dry)) as (quarantine, path):
        if progress:
            progress(0.0, f"reading {LISTENS}")
        listens, report = _listens(folder, quarantine)
    tables = _tables(listens)
    return tables, ImportReport(
        files=[report],
        quarantine=path if path.is_file() else None,
        ignored=sorted(file.name for file in folder.iterdir() if file.is_file() and file.name != report.file),
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


def _listens(folder: Path, quarantine: Quarantine | None) -> tuple[pl.DataFrame, FileReport]:
    """user and artist (ids) of every listen, each pair once."""
    file = _find(folder, LISTENS) if folder.is_dir() else None
    if file is None:
        raise InputError(f"{folder} holds no {LISTENS}.", do=f"Its columns are {', '.join(_COLUMNS)}.")
    try:
        text = unpacked(file).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}.", do="It is text in UTF-8 with commas and a header."
        ) from error
    (_, _, header), *rows = records(text, ",", final=True)[0] or [(0, 0, [])]
    header = [name.strip() for name in header or []]
    if missing := [name for name in _COLUMNS if name not in header]:
        raise InputError(f"{file} lacks the columns {', '.join(missing)}.", do="Fetch the file again.")
    report = FileReport(file.name)
    report.columns = [Column(name, name if name in _COLUMNS else None) for name in header]
    report.preview = [fields for _, _, fields in rows[:_SHOWN] if fields]
    lines, places = text.split("\n"), [header.index(name) for name in _COLUMNS]
    kept, bad = [], []
    for at, taken, fields in rows:
        raw = "\n".join(lines[at : at + taken])
        if not raw.strip():
            continue
        report.read += 1
        try:
            user, artists = _listen(fields, places, len(header))
            kept += [(at + 1, canonical_user(user), canonical(artist)) for artist in artists]
        except ValueError as error:
            bad.append((at + 1, str(error), raw))
    if not report.read:
        raise InputError(f"{file} has no rows.", do="Fetch the file again.")
    report.quarantined = len(bad)
    if quarantine:
        quarantine.add(report, pl.DataFrame(bad, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String},
                                            orient="row"))  # fmt: skip
    found = pl.DataFrame(kept, schema={"line": pl.Int64, "user": pl.String, "artist": pl.String}, orient="row")
    found = found.with_columns(_whole(found[name]) for name in ("user", "artist"))
    pairs = found.unique(["user", "artist"], keep="first", maintain_order=True)
    report.loaded = pairs["line"].n_unique()
    report.merged = report.read - report.quarantined - report.loaded
    return pairs.select("user", "artist"), report


def _listen(fields: list[str] | None, places: list[int], width: int) -> tuple[str, list[str]]:
    """The person and the artists of a row. Raises ValueError that says what is wrong."""
    if fields is None:
        raise ValueError("a quote is not closed")
    if len(fields) > width:
        raise ValueError("there is more than the header names; a list stands in quotes")
    user, told = (fields[place].strip() if place < len(fields) else "" for place in places)
    return user, _artists(told)


def _artists(told: str) -> list[str]:
    """The artists of one field. Raises ValueError for what is neither a name nor a list that can be read in one way."""
    if told.startswith("["):
        return _list(told)
    if told.endswith("]") and "[" not in told:
        raise ValueError("a list is not closed: write it as [1, 2]")
    if _COMMAS.fullmatch(told):
        raise ValueError("numbers with commas between are no artist: write a list as [1, 2]")
    return told.split() if _SPACED.fullmatch(told) else [told]


def _list(told: str) -> list[str]:
    """The items of a list as Python, JSON or numpy writes it: all with commas between, or all with spaces.

    Names stand in quotes, or are one word each with commas between. Raises ValueError for any other text.
    """
    found: list[str] = []
    commas: set[bool] = set()
    at = len(told) - len(told[1:].lstrip())
    while told[at:] != "]":
        item = _ITEM.match(told, at)
        if item is None or (item[2].strip() and told[item.end() :] == "]"):
            raise ValueError("a list cannot be read: write it as ['Earth, Wind', \"Guns N' Roses\"] or [1, 2]")
        found.append(item[1])
        at = item.end()
        if told[at:] != "]":
            commas.add("," in item[2])
    spaces = False in commas and any(one[0] not in "'\"" and not _NUMBER.fullmatch(one) for one in found)
    if len(commas) > 1 or spaces:
        raise ValueError("names with spaces stand in quotes, and a comma between each two: ['Earth', 'The Band']")
    return [_unquoted(one) if one[0] in "'\"" else one for one in found] or [""]


def _unquoted(item: str) -> str:
    """The text between quotes. Raises ValueError for an escape that neither Python nor JSON knows."""

    def meant(escape: re.Match[str]) -> str:
        number = escape[1] or escape[2] or escape[3]
        if number is None and escape[4] not in _ESCAPED:
            raise ValueError(f"\\{escape[4]} in a list is no escape: write \\\\ for a backslash")
        return chr(int(number, 16)) if number else _ESCAPED[escape[4]]

    try:
        text = _ESCAPE.sub(meant, item[1:-1])
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # JSON writes an emoji as two
    except (OverflowError, UnicodeDecodeError):
        raise ValueError(f"{item[:40]} in a list names no character: write the character itself") from None


def _tables(listens: pl.DataFrame) -> Tables:
    users, artists = (listens[name].unique().sort() for name in ("user", "artist"))
    contents = schema.TRACK_PREFIX + artists  # one prefix for all keeps the order
    source, target = (
        listens[name].replace_strict(names, range(len(names)), return_dtype=pl.Int32).to_numpy()
        for name, names in (("user", users), ("artist", artists))
    )
    nothing = {"at": pl.Int64, "progress": pl.Float32, **dict.fromkeys(("liked", "commented", "shared"), pl.Boolean)}
    rows = pl.DataFrame({name: pl.Series([None] * listens.height, dtype=dtype) for name, dtype in nothing.items()})
    watched, repeated = watch.watched(source, target, rows)
    place = np.arange(len(artists), dtype=np.int32)
    nodes = {
        schema.USER: pl.DataFrame({"userId": users}),
        schema.CONTENT: pl.DataFrame(
            {
                "contentId": contents,
                "kind": pl.Series(["track"] * len(artists), dtype=pl.String),
                schema.TRACK_ID: artists,
                schema.TITLE: artists,
            }
        ),
        schema.ARTIST: pl.DataFrame({"artistId": artists, "name": artists}),
    }
    edges = {schema.WATCHED: watched, schema.PERFORMED_BY: watch.pairs(place, place)}
    return Tables({label: frame[schema.NODE_KEYS[label]] for label, frame in nodes.items()}, nodes, edges, repeated)


def _matrix(file: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    try:
        text = unpacked(file).decode()
        values = (
            np.loadtxt(io.StringIO(text), dtype=np.float32, ndmin=2, comments=None)
            if text.strip()
            else np.empty((0, 0), np.float32)
        )
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} is no matrix: {error}.", do="Each row has as many numbers, with spaces between."
        ) from error
    if not values.size or not np.isfinite(values).all():
        raise InputError(f"{file} is empty, or holds something that is no number.", do="Fetch the file again.")
    return values


def _targets(folder: Path, artists: int) -> sp.csr_array | None:
    file = folder / TARGETS
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            found = sp.csr_array(sp.load_npz(opened))  # holds numbers alone: pickles are refused
    except Exception as error:  # zip, numpy and scipy have their own exceptions for a damaged file
        # Their texts are not shown: of a file that is no archive numpy says how to load pickles, which nobody should.
        raise InputError(
            f"{file} is no sparse matrix as scipy saves it ({type(error).__name__}).", do="Fetch the file again."
        ) from error
    if found.shape[0] > artists:
        raise InputError(
            f"{TARGETS} has {found.shape[0]:,} rows, {LISTENS} names {artists:,} artists.",
            do="Fetch both files again.",
        )
    return found


def _whole(ids: pl.Series) -> pl.Series:
    """Ids without the ``.0`` of a float, where all are whole numbers: 2.0 is 2. Else as they are."""
    numbers = ids.str.contains(rf"^(?:{_NUMBER.pattern})$").all()
    return ids.str.replace(r"\.0*$", "") if numbers else ids


def _in_order(ids: pl.Series) -> list[str]:
    """Ids by number where all are whole numbers, else as texts."""
    texts: list[str] = ids.to_list()
    whole = all(map(_NUMBER.fullmatch, texts))
    return sorted(texts, key=lambda text: (int(text), text)) if whole else sorted(texts)


def _find(folder: Path, name: str) -> Path | None:
    found = sorted(file for file in folder.iterdir() if file.is_file() and _name(file) == name)
    if len(found) > 1:
        raise InputError(f"{folder} holds {name} twice.", do="Move one of them away.")
    return found[0] if found else None


def _name(file: Path) -> str:
    return file.stem if file.suffix.lower() in PACKED else file.name
