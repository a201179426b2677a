"""Find the five Keakr files in a folder, and read Parquet in batches; text is read by ``graph.files.text``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from graph.errors import InputError
from graph.files.text import FETCH_AGAIN, PACKED
from graph.progress import Progress

__all__ = [
    "EXPECTED",
    "ahead",
    "file_name",
    "find",
    "holds_keakr",
    "is_parquet",
    "others",
    "parquet_batches",
    "stem",
]

Item = TypeVar("Item")
_TEXT: Final = {
    "users": (".jsonl", ".ndjson", ".json"),
    "keaks": (".jsonl", ".ndjson", ".json"),
    "beats": (".jsonl", ".ndjson", ".json"),
    "followers": (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json"),
    "audiences": (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json"),
}
EXPECTED: Final = "users.jsonl, keaks.jsonl, beats.jsonl, followers.csv, audiences.csv"
_PARQUET: Final = (".parquet", ".pq")
_PARQUET_ROWS: Final = 1_000_000


def find(folder: Path) -> dict[str, Path]:
    """The data files of ``folder`` by name without suffixes, such as ``{"users": …/users.jsonl.gz}``.

    Raises InputError when the folder is not there, holds none of the files, or holds one of them twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", do=f"Name a folder that holds any of {EXPECTED}.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = stem(path)
        if name not in _TEXT or not _readable(path, name):
            continue
        if not path.is_file():
            raise InputError(f"{path} is not a file.", do="Put its parts together into one file, or move it away.")
        if name in found:
            raise InputError(
                f"{folder} holds {name} twice: {found[name].name} and {path.name}.", do="Move one of them away."
            )
        found[name] = path
    if not found:
        raise InputError(
            f"{folder} holds nothing to import.",
            do=f"Expected any of {EXPECTED} (also .gz, .zst or .parquet), or files of a kind that --kind names "
            "(docs/files.md). For plain user,item pairs use `entourage import --pairs FILE`.",
        )
    return found


def holds_keakr(folder: Path) -> bool:
    """Whether any of the five files is in the folder."""
    return any(stem(path) in _TEXT and _readable(path, stem(path)) for path in folder.iterdir())


def others(folder: Path) -> list[str]:
    """The names of the files in ``folder`` that are not read."""
    unread = (p for p in folder.iterdir() if p.is_file() and not (stem(p) in _TEXT and _readable(p, stem(p))))
    return sorted(map(file_name, unread))


def file_name(path: Path) -> str:
    """The file's name as text, also where it is no UTF-8."""
    return os.fsencode(path.name).decode(errors="replace")


def stem(path: Path) -> str:
    """The file name without any suffix, in lower case."""
    return path.name.split(".", 1)[0].lower()


def is_parquet(path: Path) -> bool:
    """Whether the file is to be read as Parquet, by its name."""
    return path.suffix.lower() in _PARQUET


def _readable(path: Path, name: str) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes = suffixes[:-1]
    return len(suffixes) == 1 and suffixes[0] in (*_TEXT[name], *_PARQUET)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in another thread while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def parquet_batches(path: Path, progress: Progress | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
    """Number of the first row (from 1) and up to a million rows, again and again. Raises InputError like text."""
    try:
        with pq.ParquetFile(path) as file:
            first, total = 1, max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield first, frame
                first += frame.height
                if progress:
                    progress(first / total, f"reading {path.name}")
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}.", do=FETCH_AGAIN) from error
