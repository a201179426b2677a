"""Find the five Keakr files in a folder and read them in chunks, compressed or not.

Plain text, ``.gz`` and ``.zst`` come as chunks of whole lines, Parquet as frames. Nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from graph.errors import InputError

__all__ = ["EXPECTED", "Lines", "Progress", "ahead", "find", "is_parquet", "line_chunks", "parquet_batches", "stem"]

Item = TypeVar("Item")
Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""

_TEXT: Final = {
    "users": (".jsonl", ".ndjson", ".json"),
    "keaks": (".jsonl", ".ndjson", ".json"),
    "beats": (".jsonl", ".ndjson", ".json"),
    "followers": (".csv", ".tsv", ".txt"),
    "audiences": (".csv", ".tsv", ".txt"),
}
EXPECTED: Final = "users.jsonl, keaks.jsonl, beats.jsonl, followers.csv, audiences.csv"
_PACKED: Final = {".gz": "gzip", ".zst": "zstd"}
_PARQUET: Final = (".parquet", ".pq")
_PARQUET_ROWS: Final = 1_000_000
_FETCH_AGAIN: Final = "Fetch or write the file again; nothing was loaded."


@dataclass(frozen=True)
class Lines:
    """Whole lines of a text file; ``first`` is the number of the first one, counted from 1."""

    first: int
    data: bytes


def find(folder: Path) -> dict[str, Path]:
    """The data files of ``folder`` by name without suffixes, such as ``{"users": …/users.jsonl.gz}``.

    Raises InputError when the folder is not there, holds none of the files, or holds one of them twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", do=f"Name a folder that holds any of {EXPECTED}.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = stem(path)
        if not path.is_file() or name not in _TEXT or not _readable(path, name):
            continue
        if name in found:
            raise InputError(
                f"{folder} holds {name} twice: {found[name].name} and {path.name}.", do="Move one of them away."
            )
        found[name] = path
    if not found:
        raise InputError(
            f"{folder} holds nothing to import.",
            do=f"Expected any of {EXPECTED} (also .gz, .zst or .parquet). "
            "For plain user,item pairs use `entourage import --pairs FILE`.",
        )
    return found


def stem(path: Path) -> str:
    """The file name without any suffix, in lower case."""
    return path.name.split(".", 1)[0].lower()


def is_parquet(path: Path) -> bool:
    """Whether the file is to be read as Parquet, by its name."""
    return path.suffix.lower() in _PARQUET


def _readable(path: Path, name: str) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes = suffixes[:-1]
    return len(suffixes) == 1 and suffixes[0] in (*_TEXT[name], *_PARQUET)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in another thread while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def line_chunks(path: Path, size: int, progress: Progress | None = None) -> Iterator[Lines]:
    """Chunks of about ``size`` bytes, each ending where a line ends; a byte-order mark is left out.

    Raises InputError when the file cannot be read to its end.
    """
    total = max(1, path.stat().st_size) if path.is_file() else 1
    first, rest, start = 1, b"", True
    try:
        with path.open("rb") as raw:
            codec = _PACKED.get(path.suffix.lower())
            stream = pa.CompressedInputStream(raw, codec) if codec else raw
            while block := stream.read(size):
                block = rest + block
                if start:
                    block, start = block.removeprefix(b"\xef\xbb\xbf"), False
                end = block.rfind(b"\n") + 1
                block, rest = block[:end], block[end:]
                if block:
                    yield Lines(first, block)
                    first += block.count(b"\n")
                if progress:
                    progress(min(1.0, raw.tell() / total), f"reading {path.name}")
        if rest:
            yield Lines(first, rest)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read to its end: {error}.", do=_FETCH_AGAIN) from error


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
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}.", do=_FETCH_AGAIN) from error
