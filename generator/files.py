"""Write the five Keakr files, piece by piece, in the formats that the import reads."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from generator.chance import Array, compiled

__all__ = ["FORMATS", "Format", "Table", "moments"]

Format = Literal["plain", "gz", "zst", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("plain", "gz", "zst", "parquet")

_MOMENT: Final = len("2021-01-01T00:00:00.0000000Z")


class Table:
    """A file to which frames are appended: JSON lines or CSV, plain or compressed, or Parquet.

    ``name`` is the name of the plain file ("users.jsonl"); the format adds ``.gz`` or ``.zst`` or replaces the suffix.
    """

    def __init__(self, folder: Path, name: str, packing: Format, *, header: bool = True) -> None:
        plain = folder / name
        self.path = plain.with_suffix(".parquet") if packing == "parquet" else folder / name
        if packing in ("gz", "zst"):
            self.path = plain.with_name(f"{name}.{packing}")
        self.rows = 0
        self.schema: pl.Schema | None = None
        self._header = header
        self._json = plain.suffix == ".jsonl"
        self._parquet: pq.ParquetWriter | None = None
        opening: dict[Format, Callable[[], Any]] = {
            "plain": lambda: self.path.open("wb"),
            "gz": lambda: gzip.GzipFile(self.path, "wb", compresslevel=3, mtime=0),
            "zst": lambda: zstandard.open(self.path, "wb"),
            "parquet": lambda: None,
        }
        self._stream = opening[packing]()

    def write(self, frame: pl.DataFrame) -> None:
        """Add the rows of ``frame``; every frame has the same columns."""
        self.schema = frame.schema
        if self._stream is None:
            table = frame.to_arrow()
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self.path, table.schema, compression="zstd")
            self._parquet.write_table(table)
        elif self._json:
            frame.write_ndjson(self._stream)
        else:
            frame.write_csv(self._stream, include_header=self._header and self.rows == 0)
        self.rows += len(frame)

    def write_lines(self, lines: Sequence[bytes]) -> int:
        """Append lines unchanged, and return how many; a Parquet file takes none."""
        if self._stream is None:
            return 0
        self._stream.writelines(lines)
        self.rows += len(lines)
        return len(lines)

    def close(self) -> None:
        """Write what is still buffered, and close the file."""
        if self._parquet is not None:
            self._parquet.close()
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def moments(ticks: Array) -> pl.Series:
    """Times in steps of 100 ns since 1970, int64 of shape (n,), as ISO 8601 with seven fractional digits, in UTC."""
    text = np.empty((len(ticks), _MOMENT), dtype=np.uint8)
    _spell(np.ascontiguousarray(ticks, dtype=np.int64), text)
    ends = np.arange(0, (len(ticks) + 1) * _MOMENT, _MOMENT, dtype=np.int64)
    spelled = pa.LargeStringArray.from_buffers(len(ticks), pa.py_buffer(ends), pa.py_buffer(text))
    return cast(pl.Series, pl.from_arrow(spelled))


@compiled
def _spell(ticks: Array, text: Array) -> None:
    for row in range(len(ticks)):
        second, fraction = ticks[row] // 10_000_000, ticks[row] % 10_000_000
        day, second = second // 86_400, second % 86_400
        # The civil date of a day number: Howard Hinnant, "chrono-compatible low-level date algorithms".
        day += 719_468
        era, of_era = day // 146_097, day % 146_097
        year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
        of_year = of_era - (365 * year + year // 4 - year // 100)
        shifted = (5 * of_year + 2) // 153
        month = shifted + 3 if shifted < 10 else shifted - 9
        year = year + era * 400 + (1 if month <= 2 else 0)
        line = text[row]
        _digits(line, 0, 4, year)
        line[4] = 45
        _digits(line, 5, 2, month)
        line[7] = 45
        _digits(line, 8, 2, of_year - (153 * shifted + 2) // 5 + 1)
        line[10] = 84
        _digits(line, 11, 2, second // 3_600)
        line[13] = 58
        _digits(line, 14, 2, second // 60 % 60)
        line[16] = 58
        _digits(line, 17, 2, second % 60)
        line[19] = 46
        _digits(line, 20, 7, fraction)
        line[27] = 90


@compiled
def _digits(line: Array, at: int, width: int, number: int) -> None:
    for place in range(at + width - 1, at - 1, -1):
        line[place] = 48 + number % 10
        number //= 10
