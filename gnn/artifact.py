"""A trained network as one folder: manifest.json, weights.safetensors and the vectors; does not import torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from gnn.config import GnnConfig
from gnn.embeddings import ARRAYS, Embeddings
from gnn.encoder import Encoder
from gnn.recipe import Recipe
from graph import aside
from recommenders.core.artifact import FORMAT, reading

__all__ = ["TIMING", "Artifact", "Manifest"]

TIMING: Final = "timing.json"
"""The only file of the folder whose contents depend on the clock."""


class Manifest(BaseModel):
    """What the folder holds and how it was made. No field but ``capped`` depends on the clock."""

    model: str
    format: int = FORMAT
    graph_id: str
    config: GnnConfig
    recipe: Recipe
    """The constants that it was trained with."""
    threads: int
    """Threads of the training. Another number changes the last digits of sums."""
    precision: str
    """Number type of the loss's matrix products."""
    environment: dict[str, Any] = {}
    """Processor, cores and versions (`recommenders.core.artifact.environment`)."""
    core: dict[str, Any] = {}
    """The constants of `recommenders.core.config` that it was trained with."""
    epochs: int
    """Epochs that the saved weights were trained for."""
    capped: bool = False
    """Whether the time cap was reached (`recommenders.core.effort.Cap.hit`), by this training or by the killed one that
    it continues; then the same seed may give another model."""
    metrics: dict[str, float] = {}
    cutoff: int | None = None
    """The newest time in the training data, in milliseconds."""
    code_version: str = ""
    shapes: dict[str, tuple[int, ...]] = {}
    """Shapes of the arrays of `Embeddings`; loading compares them to recognise a damaged file."""


@dataclass(frozen=True)
class Artifact:
    """A trained network: its manifest, its vectors and its encoder."""

    manifest: Manifest
    embeddings: Embeddings
    encoder: Encoder
    """Embeds users and contents that training did not see."""
    weights: Sequence[Any] = ()
    """Every parameter as a tensor, for a training that continues from it; only in a large graph. Never saved."""
    seconds: float = 0.0
    """Seconds of the last training, the part before a kill included. Saved in ``timing.json``."""

    def save(self, path: Path) -> None:
        """Write a temporary folder and rename it to ``path``."""
        shapes = {name: getattr(self.embeddings, name).shape for name in ARRAYS}
        manifest = self.manifest.model_copy(update={"shapes": shapes, "code_version": version("entourage")})
        with aside.folder(path) as folder:
            self.embeddings.save(folder)
            self.encoder.save(folder)
            (folder / TIMING).write_text(json.dumps({"seconds": self.seconds}))
            (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1))

    @classmethod
    def load(cls, path: Path, model: str, graph_id: str) -> Artifact:
        """Read what ``save`` wrote; the vectors are memory-mapped.

        Raises ModelMismatch if it was trained on another graph, ModelError if it is missing, damaged or another kind of
        model.
        """
        with reading(path, model, graph_id) as saved:
            manifest = Manifest.model_validate(saved)
            embeddings = Embeddings.load(path)
            for name, shape in manifest.shapes.items():
                if getattr(embeddings, name).shape != shape:
                    raise ValueError(f"{name}.npy has another shape than its manifest says")
            encoder = Encoder.load(path, manifest.config.convolution)
            seconds = float(json.loads((path / TIMING).read_text())["seconds"])
        return cls(manifest, embeddings, encoder, seconds=seconds)
