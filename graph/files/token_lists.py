"""Token lists in an ``.npy`` file: an object array of lists of texts, read without running anything.

numpy stores such an array as a pickle, which may hold any program: it is read by an unpickler that knows lists, texts
and the array around them, and refuses everything else.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from graph.errors import InputError
from graph.files.text import PACKED

__all__ = ["check_token_lists", "holds_token_lists", "read_token_lists", "unpacked"]

_HEADER: Final = 1 << 16
"""Bytes that a header may have."""


def unpacked(file: Path, most: int | None = None) -> bytes:
    """What a file holds, or its first ``most`` bytes; taken out where its name ends in .gz or .zst."""
    codec = PACKED.get(file.suffix.lower())
    with file.open("rb") as raw:
        data: bytes = (pa.CompressedInputStream(raw, codec) if codec else raw).read(*([] if most is None else [most]))
    return data


def holds_token_lists(file: Path) -> bool:
    """Whether the file begins as an array of objects does."""
    try:
        check_token_lists(file)
    except InputError:  # whatever it is, it holds no lists
        return False
    return True


def check_token_lists(file: Path) -> None:
    """Raises InputError where a file does not begin as an array of objects does, and says what it is instead."""
    with _refusing(file):
        _skip_header(io.BytesIO(unpacked(file, _HEADER)))


def read_token_lists(file: Path) -> list[list[str]]:
    """The lists of texts in an ``.npy`` file. Nothing that the file holds is run.

    Raises InputError when it is cut short, or holds anything but lists of texts.
    """
    with _refusing(file):
        opened = io.BytesIO(unpacked(file))
        _skip_header(opened)
        found = _Lists(opened).load()
        lists = found.rows() if isinstance(found, _Array) else found
        if not isinstance(lists, list):
            raise pickle.UnpicklingError("no list of lists")
        rows = [one.rows() if isinstance(one, _Array) else one for one in lists]
        for one in rows:
            if not isinstance(one, list) or not all(type(text) is str for text in one):
                raise pickle.UnpicklingError("something that is no list of texts")
    return rows


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """Makes an InputError of whatever goes wrong: a damaged pickle may raise anything."""
    try:
        yield
    except Exception as error:
        raise InputError(
            f"{file} is no array of token lists: {error}.",
            do="Save it with numpy as an object array of lists of texts.",
        ) from error


class _Array:
    """Stands for a numpy array while a pickle is read: keeps the list of its elements, and runs nothing."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.elements: list[Any] = []

    def __setstate__(self, state: Any) -> None:
        _, self.shape, _, _, self.elements = state
        if not isinstance(self.elements, list):
            raise pickle.UnpicklingError("an array of something else than objects")

    def rows(self) -> list[Any]:
        """The elements, or the rows of an array of two dimensions, which lists of one length become."""
        if len(self.shape) != 2:
            return self.elements
        width = self.shape[1]
        return [self.elements[row * width : (row + 1) * width] for row in range(self.shape[0])]


class _Type:
    """Stands for a numpy type."""

    def __init__(self, *_: Any) -> None:
        """Takes and forgets what a type is made of."""

    def __setstate__(self, state: Any) -> None:
        """Forgets it as well."""


class _Lists(pickle.Unpickler):
    """Knows the three names that an object array is pickled with, as stand-ins, and nothing else."""

    _KNOWN: Final = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Type,
        ("numpy", "dtype"): _Type,
    }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a name. Raises UnpicklingError for every other."""
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}, which is refused")
        return self._KNOWN[module, name]


def _skip_header(opened: BinaryIO) -> None:
    version = np.lib.format.read_magic(opened)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(opened)
    if not dtype.hasobject:
        raise pickle.UnpicklingError(f"it holds values of type {dtype}")
