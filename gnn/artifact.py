"""A trained network as one folder: manifest.json, weights.safetensors and the vectors; free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gnn.config import GnnConfig
from gnn.embeddings import ARRAYS, Embeddings
from gnn.encoder import Encoder
from graph import aside
from recommenders.core.artifact import FORMAT, reading

__all__ = ["Artifact", "Manifest"]


class Manifest(BaseModel):
    """What the folder holds and where it comes from."""

    model: str
    format: int = FORMAT
    graph_id: str
    config: GnnConfig
    epochs: int
    """Epochs that the kept weights were trained for."""
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    """Of the last training, those before it was killed included."""
    cutoff: int | None = None
    """The newest time in the training data, in milliseconds."""
    code_version: str = ""
    shapes: dict[str, tuple[int, ...]] = {}
    """Of the arrays of `Embeddings`, to tell a damaged file."""


@dataclass(frozen=True)
class Artifact:
    """All of a trained network."""

    manifest: Manifest
    embeddings: Embeddings
    encoder: Encoder
    """What embeds users and contents that training never saw."""
    weights: Sequence[Any] = ()
    """Of a large graph's network, every parameter as a tensor, for a training that goes on from it; never saved."""

    def save(self, path: Path) -> None:
        """Write the folder aside and rename it to ``path``."""
        shapes = {name: getattr(self.embeddings, name).shape for name in ARRAYS}
        manifest = self.manifest.model_copy(update={"shapes": shapes, "code_version": version("entourage")})
        with aside.folder(path) as folder:
            self.embeddings.save(folder)
            self.encoder.save(folder)
            (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1))

    @classmethod
    def load(cls, path: Path, model: str, graph_id: str) -> Artifact:
        """Read what ``save`` wrote; the vectors by memory map.

        Raises ModelMismatch when it was trained on another graph, ModelError when it is missing, damaged or another
        kind of model.
        """
        with reading(path, model, graph_id) as found:
            manifest = Manifest.model_validate(found)
            embeddings = Embeddings.load(path)
            for name, shape in manifest.shapes.items():
                if getattr(embeddings, name).shape != shape:
                    raise ValueError(f"{name}.npy has another shape than its manifest says")
            encoder = Encoder.load(path, manifest.config.convolution)
        return cls(manifest, embeddings, encoder)
