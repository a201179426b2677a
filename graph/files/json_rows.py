"""JSON as other tools write it: a line an object, one array, objects over several lines; MongoDB's extended values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from graph.errors import InputError
from graph.files.text import FETCH_AGAIN, Lines, line_chunks
from graph.progress import Progress

__all__ = ["BAD", "NotOneValue", "is_json", "json_lines", "objects", "one_value", "shown", "unwrapped"]

_CHUNK: Final = 32 << 20
_EXTENDED: Final = ("$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$uuid")
_FLOATS: Final = ("$numberDouble", "$numberDecimal")
_NOT_FINITE: Final = ("nan", "inf", "infinity")
_WHOLE: Final = 2.0**53
"""From this number on, a float does not say which whole number is meant."""
BAD: Final = object()
"""Stands for a line that is no JSON."""


class NotOneValue(ValueError):
    """A value that is neither a text nor a number nor missing; the message says what it is."""


def unwrapped(value: Any) -> Any:
    """The value within MongoDB's ``{"$oid": …}``, ``{"$date": …}`` or ``{"$numberLong": …}``; others as they are."""
    while isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if key not in _EXTENDED:
            break
        value = inner
        if key in _FLOATS and isinstance(value, str) and value.strip().lower().lstrip("+-") in _NOT_FINITE:
            value = float(value)
    return value


def one_value(value: Any, *, is_id: bool = False) -> str | None:
    """Text of a text, a number or a flag, None of null and NaN. Raises NotOneValue for anything else.

    An id is no flag, and no float that is too large to say which whole number is meant.
    """
    value = unwrapped(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        if is_id:
            raise NotOneValue("is neither text nor number")
        return "true" if value else "false"
    if isinstance(value, float):
        if abs(value) < _WHOLE:
            return str(int(value)) if value.is_integer() else repr(value)
        if is_id:
            raise NotOneValue("is a float of too many digits")
        return repr(value)
    if isinstance(value, (dict, list)):
        raise NotOneValue("is not one value")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotOneValue("holds half a character") from None
    return text


def shown(value: Any) -> str:
    """The value as a preview shows it, with ``?`` for half a character, which no file can hold."""
    value = unwrapped(value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode(errors="replace").decode()


def is_json(path: Path, encoding: str | None) -> bool:
    """Whether the text begins as JSON does, or the file's name says so."""
    if any(suffix.lower() in (".json", ".jsonl", ".ndjson") for suffix in path.suffixes):
        return True
    lines = next(line_chunks(path, 1 << 12, None, encoding), None)
    return lines is not None and lines.data.lstrip()[:2].replace(b" ", b"")[:2] in (b'{"', b"[{", b"{\n", b"[\n", b"{}")


def objects(
    path: Path, encoding: str | None, count: int, progress: Progress | None
) -> Iterator[list[tuple[int, Any, str]]]:
    """Up to ``count`` values at a time, each with its line and text; `BAD` for what is no JSON."""
    found: list[tuple[int, Any, str]] = []
    for lines in json_lines(path, encoding, progress):
        for number, line in enumerate(lines.data.split(b"\n"), lines.first):
            text = line.decode(errors="replace").strip()
            if text:
                try:
                    value = json.loads(text)
                except (ValueError, RecursionError):
                    value = BAD
                found.append((number, value, text))
            if len(found) >= count:
                yield found
                found = []
    if found:
        yield found


def json_lines(path: Path, encoding: str | None = None, progress: Progress | None = None) -> Iterator[Lines]:
    """Chunks in which every line is one JSON value, whatever the file's layout.

    Of an array, and of objects over several lines, ``first`` counts the values. Raises InputError where such a file
    cannot be read to its end.
    """
    chunks = line_chunks(path, _CHUNK, progress, encoding)
    head = next(chunks, None)
    while head is not None and not head.data.strip():
        head = next(chunks, None)
    if head is None:
        return
    start = head.data.lstrip()
    first = start.split(b"\n", 1)[0]
    array = start.startswith(b"[") and not _is_value(first, list, several=b"\n" in start.strip())
    spread = start.startswith(b"{") and not _is_value(first, dict) and _spread(start)
    if array or spread:
        yield from _values(path, head, chunks, array=array)
        return
    yield head
    yield from chunks


def _is_value(line: bytes, kind: type, *, several: bool = True) -> bool:
    """Whether the line alone is a JSON value of this kind, among several lines."""
    try:
        return several and isinstance(json.loads(line), kind)
    except (ValueError, RecursionError):
        return False


def _spread(start: bytes) -> bool:
    """Whether an object begins here that ends in a later line, or is followed by another one or a comma."""
    text = start.decode(errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end] or text[end:].lstrip(" \t\r,")[:1] in ("", "\n", "{")


def _values(path: Path, head: Lines, chunks: Iterator[Lines], *, array: bool) -> Iterator[Lines]:
    """The values one after the other, a line each."""
    decoder = json.JSONDecoder()
    text, at, number = head.data.decode().lstrip(), 1 if array else 0, 1
    found: list[str] = []
    ended = False
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if array and text.startswith("]", at):
            ended = True
            at += 1
            continue
        if at < len(text) and not ended:
            try:
                value, end = decoder.raw_decode(text, at)
                if end < len(text) or isinstance(value, (dict, list, str)):
                    found.append(" ".join(text[at:end].split("\n")))
                    at = end
                    continue
            except RecursionError:
                raise InputError(f"{path} is nested too deeply.", do="Nothing was loaded.") from None
            except ValueError:
                pass
        more = next(chunks, None)
        if found:
            yield Lines(number, "\n".join(found).encode())
            number += len(found)
            found = []
        if more is None:
            break
        text, at = text[at:] + more.data.decode(), 0
    if text[at:].strip() or (array and not ended):
        where = "after its end" if ended else f"after {number - 1:,} values"
        raise InputError(f"{path} is not valid JSON {where}: {text[at : at + 60]!r}.", do=FETCH_AGAIN)
