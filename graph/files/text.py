"""Text files as chunks of whole lines in UTF-8 with LF line ends, whatever their encoding, line ends and packing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from graph.errors import InputError, SettingsError
from graph.progress import Progress

__all__ = ["FETCH_AGAIN", "PACKED", "Lines", "check_encoding", "line_chunks"]

PACKED: Final = {".gz": "gzip", ".zst": "zstd"}
FETCH_AGAIN: Final = "Fetch or write the file again; nothing was loaded."
_HEAD: Final = 1 << 16
#: What a file may begin with, longest first, and the encoding that it stands for.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT: Final = {
    b"\x1f\x8b": "gzip (.gz)",
    b"\x28\xb5\x2f\xfd": "Zstandard (.zst)",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PAR1": "Parquet (.parquet)",
}
"""First bytes of files that are no text."""
_JOINED: Final = re.compile(rb'(?m)^("?)(?:\xef\xbb\xbf)+')
"""The mark of UTF-8 at the begin of a line, where files were joined end to end; also within a quote."""
_NULS: Final = 0.3
"""Share of NUL bytes among every second byte from which on a file without a mark is UTF-16."""
_LONGEST: Final = 64 << 20
"""Bytes of the longest line."""


@dataclass(frozen=True)
class Lines:
    """Whole lines of a text file; ``first`` is the number of the first one, counted from 1."""

    first: int
    data: bytes


def check_encoding(name: str | None) -> None:
    """Raises SettingsError unless ``name`` is None or an encoding of text that Python knows."""
    try:
        if name is not None:
            codecs.lookup(name)
            "".encode(name)
    except (LookupError, ValueError):
        raise SettingsError(
            f"There is no text encoding {name!r}.", do="For example utf-8, utf-16, latin-1, cp1252 or shift_jis."
        ) from None


def line_chunks(
    path: Path, size: int, progress: Progress | None = None, encoding: str | None = None
) -> Iterator[Lines]:
    """Chunks of about ``size`` bytes, each ending where a line ends, without marks at the begin of lines.

    Without ``encoding`` a mark at the beginning says it, else UTF-16 shows by its NULs, else it is UTF-8. Raises
    InputError when the file cannot be read or decoded to its end.
    """
    first, rest = 1, b""
    try:
        for block in _unified(path, size, progress, encoding):
            block = rest + block
            end = block.rfind(b"\n") + 1
            block, rest = block[:end], block[end:]
            if len(rest) > _LONGEST:
                raise InputError(f"{path} has a line of more than {_LONGEST >> 20} MiB.", do="Is it the right file?")
            if block:
                yield _checked(path, first, block)
                first += block.count(b"\n")
        if rest:
            yield _checked(path, first, rest)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read to its end: {error}.", do=FETCH_AGAIN) from error


def _checked(path: Path, first: int, data: bytes) -> Lines:
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            line = first + data[: error.start].count(b"\n")
            raise InputError(
                f"{path} is not UTF-8: line {line} holds the byte 0x{data[error.start]:02x}. Nothing was loaded.",
                do="Name its encoding, for example --encoding latin-1 or --encoding cp1252; a log must be UTF-8.",
            ) from None
        if codecs.BOM_UTF8 in data:
            data = _JOINED.sub(rb"\1", data)
    return Lines(first, data)


def _unified(path: Path, size: int, progress: Progress | None, asked: str | None) -> Iterator[bytes]:
    """Blocks in UTF-8 (not yet checked, where the file is) with LF for every kind of line end."""
    decoder: codecs.IncrementalDecoder | None = None
    cr_only, held = False, b""
    for number, block in enumerate(_blocks(path, size, progress)):
        if number == 0:
            encoding, block = _encoding(path, block, asked)
            if encoding != "utf-8":
                decoder = codecs.getincrementaldecoder(encoding)("strict")
        data = held + (_decoded(path, decoder, block) if decoder else block)
        held = b""
        if number == 0:
            cr_only = b"\r" in data[:_HEAD] and b"\n" not in data[:_HEAD]
        if data.endswith(b"\r"):
            data, held = data[:-1], b"\r"
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
            if cr_only:
                data = data.replace(b"\r", b"\n")
        yield data
    if decoder:
        held += _decoded(path, decoder, b"", final=True)
    if held:
        yield held.replace(b"\r", b"\n") if cr_only else held.removesuffix(b"\r")


def _blocks(path: Path, size: int, progress: Progress | None) -> Iterator[bytes]:
    total = max(1, path.stat().st_size) if path.is_file() else 1
    with path.open("rb") as raw:
        codec = PACKED.get(path.suffix.lower())
        stream = pa.CompressedInputStream(raw, codec) if codec and total > 1 else raw
        while block := stream.read(size):
            yield block
            if progress:
                progress(min(1.0, raw.tell() / total), f"reading {path.name}")


def _encoding(path: Path, block: bytes, asked: str | None) -> tuple[str, bytes]:
    """The encoding of a file that begins with ``block``, and the block without its mark."""
    if kind := next((kind for mark, kind in _NO_TEXT.items() if block.startswith(mark)), None):
        raise InputError(f"{path} is no text but {kind}.", do="Unpack it, or name it so. Nothing was loaded.")
    for mark, encoding in _MARKS:
        if block.startswith(mark):
            family = encoding.replace("-", "")[:5]
            if asked and not asked.lower().replace("-", "").replace("_", "").startswith(family):
                raise InputError(f"{path} begins with the mark of {encoding}, not {asked}.", do="Leave --encoding out.")
            return encoding, block.removeprefix(mark)
    if asked:
        name = codecs.lookup(asked).name
        return {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name), block
    head = block[: _HEAD & ~1]
    if len(head) > 1:
        for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            every_second = head[start::2]
            if every_second.count(0) > _NULS * len(every_second) and head[1 - start :: 2].count(0) == 0:
                return encoding, block
    return "utf-8", block


def _decoded(path: Path, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bytes:
    try:
        return decoder.decode(block, final).encode()
    except UnicodeError as error:
        raise InputError(
            f"{path} cannot be decoded: {error}. Nothing was loaded.", do="Name its encoding with --encoding."
        ) from None
