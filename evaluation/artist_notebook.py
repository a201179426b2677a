"""The notebook's network of artists' profiles as it stands, and with any of its faults mended.

Embedding(64) → Dense 64 ReLU → GRU 64 (dropout .1) → Dense 64 ReLU → softmax over the columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from recommenders.core.top_k import Floats

__all__ = ["AS_IT_STANDS", "Faults", "Trained", "indices", "notebook_network"]

_WIDTH: Final = 64
_DROPOUT: Final = 0.1
_EMBEDDING: Final = 0.05
"""Keras draws an embedding between this and its opposite."""
_NOTEBOOK_BATCH: Final = 1_000
_NOTEBOOK_RATE: Final = 0.001
_BATCH: Final = 256
_RATE: Final = 0.003
_CHECKED: Final = 5


@dataclass(frozen=True)
class Faults:
    """What the notebook does; each may be left out."""

    as_indices: bool = False
    """Numbers of the vectors, shifted to begin at 0 and cut to whole numbers, are indices of an embedding."""
    softmax_as_logits: bool = False
    """The loss takes the outputs of the softmax for logits, and applies a softmax again."""
    one_pass: bool = False
    """AdaGrad, batches of 1,000, a single pass."""


AS_IT_STANDS: Final = Faults(as_indices=True, softmax_as_logits=True, one_pass=True)


@dataclass(frozen=True)
class Trained:
    """A trained network."""

    logits: Callable[[list[Floats]], Floats]
    """From the matrices of n artists, each (n, components), to (n, columns)."""
    epochs: int


def indices(matrices: list[Floats], least: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The notebook's indices: all numbers side by side, less ``least``, cut to whole numbers from 0 on."""
    return np.asarray(np.maximum(np.concatenate(matrices, axis=1) - least, 0.0), dtype=np.int64)


def _start_as_keras(modules: Any) -> None:
    """Give every layer the numbers to start from that Keras gives it, as the notebook has them: torch's are others."""
    import torch

    start = torch.nn.init
    for one in modules.modules():
        if isinstance(one, torch.nn.Embedding):
            start.uniform_(one.weight, -_EMBEDDING, _EMBEDDING)
        elif isinstance(one, torch.nn.Linear):
            start.xavier_uniform_(one.weight)
            start.zeros_(one.bias)
        elif isinstance(one, torch.nn.GRU):
            for name, values in one.named_parameters():
                if "bias" in name:
                    start.zeros_(values)
                else:
                    (start.orthogonal_ if "hh" in name else start.xavier_uniform_)(values)


def notebook_network(
    matrices: list[Floats],
    targets: Floats,
    faults: Faults,
    *,
    epochs: int = 30,
    seed: int = 0,
    judge: Callable[[Callable[[list[Floats]], Floats]], float] | None = None,
) -> Trained:
    """Train on ``matrices`` of the training artists, each (n, components), and their ``targets`` (n, columns).

    Without ``as_indices`` a matrix is one step of the GRU, its numbers as they are. Without ``one_pass``: Adam, steps
    of 256, and the epoch of the highest ``judge``.
    """
    import torch

    torch.manual_seed(seed)
    functional = torch.nn.functional
    least = float(min(matrix.min() for matrix in matrices))
    spreads = [float(matrix.std()) or 1.0 for matrix in matrices]
    numbers = int(indices(matrices, least).max()) + 1
    embedding = torch.nn.Embedding(numbers, _WIDTH)
    first = torch.nn.ModuleList(
        [torch.nn.Linear(_WIDTH, _WIDTH)]
        if faults.as_indices
        else [torch.nn.Linear(matrix.shape[1], _WIDTH) for matrix in matrices]
    )
    recurrent = torch.nn.GRU(_WIDTH, _WIDTH, batch_first=True)
    second, last = torch.nn.Linear(_WIDTH, _WIDTH), torch.nn.Linear(_WIDTH, targets.shape[1])
    modules = torch.nn.ModuleList([first, recurrent, second, last, *([embedding] if faults.as_indices else [])])
    _start_as_keras(modules)
    optimiser: Any = (
        torch.optim.Adagrad(modules.parameters(), lr=_NOTEBOOK_RATE, initial_accumulator_value=0.1)
        if faults.one_pass
        else torch.optim.Adam(modules.parameters(), lr=_RATE)
    )

    def prepared(given: list[Floats]) -> list[Any]:
        if faults.as_indices:
            return [torch.from_numpy(np.minimum(indices(given, least), numbers - 1))]
        return [torch.from_numpy(matrix / np.float32(spread)) for matrix, spread in zip(given, spreads, strict=True)]

    def forward(inputs: list[Any]) -> Any:
        if faults.as_indices:
            steps = functional.relu(first[0](embedding(inputs[0])))
        else:
            steps = torch.stack(
                [functional.relu(one(matrix)) for one, matrix in zip(first, inputs, strict=True)], dim=1
            )
        steps = functional.dropout(steps, _DROPOUT, training=modules.training)
        return last(functional.relu(second(recurrent(steps)[0][:, -1])))

    def logits(given: list[Floats]) -> Floats:
        modules.eval()
        with torch.no_grad():
            found = forward(prepared(given)).numpy()
        modules.train()
        return np.asarray(found, dtype=np.float32)

    inputs, labels = prepared(matrices), torch.from_numpy(targets)
    generator = torch.Generator().manual_seed(seed)
    best: tuple[float, int, dict[str, Any]] | None = None
    passes = 1 if faults.one_pass else epochs
    for epoch in range(1, passes + 1):
        order = torch.randperm(len(targets), generator=generator)
        for part in torch.split(order, _NOTEBOOK_BATCH if faults.one_pass else _BATCH):
            outputs = forward([one[part] for one in inputs])
            if faults.softmax_as_logits:
                outputs = functional.softmax(outputs, dim=1)
            error = functional.cross_entropy(outputs, labels[part])
            optimiser.zero_grad()
            error.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if judge is not None and (epoch % _CHECKED == 0 or epoch == passes):
            value = judge(logits)
            if best is None or value > best[0]:
                best = value, epoch, {name: one.clone() for name, one in modules.state_dict().items()}
    if best:
        modules.load_state_dict(best[2])
    return Trained(logits, best[1] if best else passes)
