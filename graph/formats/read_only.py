"""PyG's stores of a graph that is written elsewhere: what would change them is refused."""

from __future__ import annotations

import os
from collections.abc import Container
from typing import Any, ClassVar

from torch import Tensor
from torch_geometric.data import EdgeAttr, FeatureStore, GraphStore, TensorAttr

from graph.errors import GraphError

__all__ = ["ReadOnlyFeatures", "ReadOnlyTopology", "refuse_fork"]


def refuse_fork(process: int) -> None:
    """Raise GraphError in a fork of ``process``, where polars would wait for threads that are not there."""
    if process != os.getpid():
        raise GraphError(
            "A graph cannot be read in a forked process.",
            do='Give the loader multiprocessing_context="spawn" beside num_workers.',
        )


class ReadOnlyFeatures(FeatureStore):  # type: ignore[misc]
    """A FeatureStore whose tensors cannot be put or removed: NotImplementedError, as PyG's interface has it."""

    written_by: ClassVar[str]
    """The advice of the error: how the graph is written instead."""

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _process=os.getpid())

    def known(self, attr: TensorAttr, labels: Container[str]) -> str:
        """The label whose ``x`` is asked for. Raises KeyError for any other tensor, GraphError in a forked process."""
        refuse_fork(self._process)
        if attr.group_name not in labels or attr.attr_name != "x":
            raise KeyError(f"There is no {attr.attr_name!r} of {attr.group_name!r}: every label here has x.")
        return str(attr.group_name)

    def _put_tensor(self, tensor: Tensor, attr: TensorAttr) -> bool:
        raise NotImplementedError(self.written_by)

    def _remove_tensor(self, attr: TensorAttr) -> bool:
        raise NotImplementedError(self.written_by)


class ReadOnlyTopology(GraphStore):  # type: ignore[misc]
    """A GraphStore whose edges cannot be put or removed: NotImplementedError, as PyG's interface has it."""

    written_by: ClassVar[str]
    """The advice of the error: how the graph is written instead."""

    def _put_edge_index(self, edge_index: Any, edge_attr: EdgeAttr) -> bool:
        raise NotImplementedError(self.written_by)

    def _remove_edge_index(self, edge_attr: EdgeAttr) -> bool:
        raise NotImplementedError(self.written_by)
