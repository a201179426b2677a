"""PyG's stores of a graph that is written elsewhere: what would change them is refused."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch_geometric.data import EdgeAttr, FeatureStore, GraphStore, TensorAttr

__all__ = ["ReadOnlyFeatures", "ReadOnlyTopology"]


class ReadOnlyFeatures(FeatureStore):  # type: ignore[misc]
    """A FeatureStore whose tensors cannot be put or removed: NotImplementedError, as PyG's interface has it."""

    written_by: ClassVar[str]
    """What the error says: how the graph is written instead."""

    def _put_tensor(self, tensor: Tensor, attr: TensorAttr) -> bool:
        raise NotImplementedError(self.written_by)

    def _remove_tensor(self, attr: TensorAttr) -> bool:
        raise NotImplementedError(self.written_by)


class ReadOnlyTopology(GraphStore):  # type: ignore[misc]
    """A GraphStore whose edges cannot be put or removed: NotImplementedError, as PyG's interface has it."""

    written_by: ClassVar[str]
    """What the error says: how the graph is written instead."""

    def _put_edge_index(self, edge_index: Any, edge_attr: EdgeAttr) -> bool:
        raise NotImplementedError(self.written_by)

    def _remove_edge_index(self, edge_attr: EdgeAttr) -> bool:
        raise NotImplementedError(self.written_by)
