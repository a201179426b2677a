"""Embeds users and contents that training did not see, from their neighbours' vectors in each layer, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from gnn.config import Convolution
from gnn.features import Column, Columns, features_of
from gnn.recipe import RECIPE
from gnn.topology import Link
from graph.errors import ModelError
from graph.snapshot.profiles import profile

__all__ = ["Encoder"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoder:
    """The forward pass of `gnn.model.Network` for one new node, given the vectors of all known nodes in each layer."""

    convolution: Convolution
    links: tuple[Link, ...]
    weights: Mapping[str, npt.NDArray[Any]]
    """All parameters except the id embeddings, by name."""
    layers: Mapping[str, Sequence[npt.NDArray[Any]]]
    """Label → its nodes' vectors (nodes, dim) before each layer."""
    degrees: Mapping[str, npt.NDArray[Any]]
    """Link name → number of outgoing edges of every source, shape (S,)."""
    columns: Columns = field(default_factory=dict)
    """Label → description of its features, for the labels that have any."""
    now: int | None = None
    """Time of the newest watch in the training data, in ms. Ages are measured from it."""

    @property
    def embeds(self) -> bool:
        """Whether it can embed new nodes: a graph attention network (gat) with at least one layer can."""
        return self.convolution == "gat" and all(self.layers.values())

    def features(self, label: str, properties: Mapping[str, Any] | None) -> Floats | None:
        """Features (F,) of a node with these ``properties`` in the graph; None if its label has no features.

        If no property is known, every number is the average and no flag is set.
        """
        if label not in self.columns:
            return None
        columns = self.columns[label]
        known = profile(label, properties or {}, self.now)
        if not known.keys() & {column.name for column in columns}:
            return np.zeros(len(columns), dtype=np.float32)
        return features_of(columns, known)

    def embed(
        self,
        label: str,
        neighbours: Mapping[str, Ints],
        features: Floats | None = None,
        *,
        known: int | None = None,
        edges: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Unit vector (dim,) of a node of ``label``; zeros if it is new and has neither neighbours nor features.

        ``neighbours`` are nids by the name of the link from them to the node: for a user ``rev_WATCHED`` (contents) and
        ``rev_FOLLOWS`` (whom they follow) or ``FOLLOWS``; for a content ``WATCHED`` and ``MADE`` (users),
        ``rev_HAS_GENRE`` (genres) and so on. Links that the network does not have are ignored. ``features`` (F,) are
        the result of `features`. ``known`` is the nid of a node of the training, whose id counts; None for a new node.
        ``edges`` are features (neighbours, F) of the edges by link name; those of the other links count as unknown.
        Raises ModelError if the network is not GAT.
        """
        if self.convolution != "gat":
            raise ModelError(f"A {self.convolution} network cannot embed new nodes.", do="Train with convolution gat.")
        dim = int(self.layers[label][0].shape[1]) if self.layers[label] else 0
        vector = np.zeros(dim, dtype=np.float32)
        if known is not None:
            vector += self.layers[label][0][known]
        elif features is not None and f"projections.{label}.weight" in self.weights:
            vector += self.weights[f"projections.{label}.weight"] @ features + self.weights[f"projections.{label}.bias"]
        mix = np.exp(self.weights[f"mix.{label}"] - self.weights[f"mix.{label}"].max())
        total = mix[0] * vector
        incoming = [link for link in self.links if link.target == label]
        for depth in range(len(self.layers[label])):
            received = np.zeros(dim, dtype=np.float32)
            for link in incoming:
                near = np.asarray(neighbours.get(link.name, ()), dtype=np.int64)
                if near.size:
                    received += self._message(link, depth, near, vector, (edges or {}).get(link.name))
            vector = received
            total = total + mix[depth + 1] * vector
        length = float(np.linalg.norm(total))
        unit: Floats = (total / length if length > 0 else total).astype(np.float32)
        return unit

    def _message(self, link: Link, depth: int, near: Ints, vector: Floats, edges: Floats | None) -> Floats:
        prefix = f"convolutions.{depth}.{link.name}"
        left, right = self.weights[f"{prefix}.left"], self.weights[f"{prefix}.right"]
        heads = len(left)
        values = np.asarray(self.layers[link.source][depth][near], dtype=np.float32).reshape(len(near), heads, -1)
        score = (values * left).sum(-1) + (vector.reshape(heads, -1) * right).sum(-1)
        score = np.where(score < 0.0, RECIPE.attention_slope * score, score)
        score -= np.log1p(self.degrees[link.name][near])[:, None] * self.weights[f"{prefix}.prior"]
        if edges is not None:
            score += (edges @ self.weights[f"{prefix}.edge"])[:, None]
        alpha = np.exp(score - score.max(0))
        alpha /= alpha.sum(0)
        message: Floats = (values * alpha[:, :, None]).sum(0).reshape(-1)
        return message if link.main else message * self.weights[f"gates.{link.name}"][depth]

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors, the layers as half-precision arrays."""
        save_file({n: np.ascontiguousarray(w) for n, w in self.weights.items()}, folder / "weights.safetensors")
        (folder / "links.json").write_text(json.dumps([asdict(link) for link in self.links]))
        columns = {label: [asdict(column) for column in described] for label, described in self.columns.items()}
        (folder / "columns.json").write_text(json.dumps({"now": self.now, "columns": columns}))
        for name, degrees in self.degrees.items():
            np.save(folder / f"degrees-{name}.npy", degrees)
        for label, layers in self.layers.items():
            for depth, vectors in enumerate(layers):
                np.save(folder / f"layer-{label}-{depth}.npy", np.asarray(vectors, dtype=np.float16))

    @classmethod
    def load(cls, folder: Path, convolution: Convolution) -> Encoder:
        """Memory-map what ``save`` wrote. Raises OSError, ValueError or TypeError if a file is missing or damaged."""
        links = tuple(Link(**link) for link in json.loads((folder / "links.json").read_text()))
        degrees = {link.name: np.load(folder / f"degrees-{link.name}.npy", mmap_mode="r") for link in links}
        layers: dict[str, list[npt.NDArray[Any]]] = {}
        for label in {label for link in links for label in (link.source, link.target)}:
            files = sorted(folder.glob(f"layer-{label}-*.npy"))
            layers[label] = [np.load(file, mmap_mode="r") for file in files]
        saved = json.loads((folder / "columns.json").read_text())
        columns = {label: tuple(Column(**column) for column in of) for label, of in saved["columns"].items()}
        weights = load_file(folder / "weights.safetensors")
        return cls(convolution, links, weights, layers, degrees, columns, saved["now"])
