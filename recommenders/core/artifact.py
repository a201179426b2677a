"""Reading a saved model: check its name, format and graph, and turn every failure into a ModelError."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from graph.errors import EntourageError, ModelError, ModelMismatch

__all__ = ["FORMAT", "environment", "reading"]

FORMAT: Final = 7
"""Format of saved models; it is raised when a model saved before would be read wrongly."""


def environment() -> dict[str, Any]:
    """What may change the last digits of a model: processor, cores that this process may use, versions of packages."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ("numpy", "scipy", "torch", "torch-geometric", "implicit", "lightgbm")
    return {
        "cores": cores,
        "processor": platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


@contextmanager
def reading(path: Path, name: str, graph_id: str) -> Iterator[dict[str, Any]]:
    """The manifest of the ``name`` model at ``path``; any exception inside the block becomes a ModelError.

    Raises ModelError when the folder is missing, damaged, of another format or holds another model, ModelMismatch when
    the model was trained on another graph.
    """
    again = f"Run `entourage train --model {name}` on this snapshot."
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        if manifest["model"] != name:
            raise ModelError(f"{path} holds a {manifest['model']} model, not {name}.", do="Give its own path.")
        if manifest.get("format") != FORMAT:
            raise ModelError(f"The {name} model at {path} was made by another version of Entourage.", do=again)
        if manifest["graph_id"] != graph_id:
            raise ModelMismatch(f"The {name} model at {path} was trained on another graph.", do=again)
        yield manifest
    except (EntourageError, MemoryError):
        raise
    except Exception as error:  # each reader (zip, safetensors, LightGBM) has its own exceptions for a damaged file
        raise ModelError(f"The {name} model at {path} is missing or damaged: {error}.", do=again) from error
