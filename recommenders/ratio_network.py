"""The network of the KuaiRec notebook, which predicts a watch ratio from a user, a video and the video's features.

Embeddings of user and video; features → Dense ReLU; the three side by side → Dense ReLU → dropout → Dense ReLU → 1.
It is trained with torch and asked with numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from recommenders.core.options import Progress
from recommenders.core.top_k import Floats, Ints

__all__ = ["FEATURES", "Loss", "Network", "Rows", "train", "video_features"]

Loss = Literal["mse", "l1"]
_DROPOUT: Final = 0.2
_AT_ONCE: Final = 1 << 17
"""Pairs whose ratios are predicted at once."""
_NARROW: Final = 2
"""The second hidden layer has the width of the first divided by this."""
FEATURES: Final = (
    "video_duration",
    "play_cnt",
    "play_duration",
    "play_progress",
    "complete_play_cnt",
    "like_cnt",
    "comment_cnt",
    "share_cnt",
    "completion rate",
    "like rate",
    "mean watch ratio",
)
"""What `video_features` works out; the names are the notebook's."""


@dataclass(frozen=True)
class Rows:
    """Watches of videos, shape (n,) each."""

    users: Ints
    videos: Ints
    ratios: Floats

    def __len__(self) -> int:
        return len(self.users)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """The rows of the mask."""
        return Rows(self.users[mask], self.videos[mask], self.ratios[mask])


@dataclass(frozen=True)
class Network:
    """A trained network as arrays."""

    arrays: dict[str, Floats]

    def predict(self, users: Ints, videos: Ints) -> Floats:
        """The expected ratio of each pair, shape (n,)."""
        left, right = self.arrays["user"] @ self.arrays["of_user"], self._videos()
        found = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = self._rest(left[users[part]] + right[videos[part]])
        return found

    def scores(self, users: Ints) -> Floats:
        """The expected ratio of every video, shape (users, videos)."""
        left, right = self.arrays["user"][users] @ self.arrays["of_user"], self._videos()
        scores = np.empty((len(left), len(right)), dtype=np.float32)
        for place, row in enumerate(left):
            scores[place] = self._rest(row + right)
        return scores

    def _videos(self) -> Floats:
        """What a video and its features bring to the first hidden layer, which is linear in its parts."""
        a = self.arrays
        features = np.maximum(a["features"] @ a["feature_weight"] + a["feature_bias"], 0.0)
        return np.asarray(a["video"] @ a["of_video"] + features @ a["of_features"] + a["first_bias"], dtype=np.float32)

    def _rest(self, first: Floats) -> Floats:
        a = self.arrays
        second = np.maximum(np.maximum(first, 0.0) @ a["second_weight"] + a["second_bias"], 0.0)
        return np.asarray((second @ a["last_weight"] + a["last_bias"])[:, 0], dtype=np.float32)


def video_features(rows: Rows, seconds: Floats, flags: dict[str, npt.NDArray[np.bool_]] | None = None) -> Floats:
    """`FEATURES` of each video from the rows alone, not standardised, shape (videos, features).

    ``seconds`` is each video's duration, NaN where unknown: it takes the median. ``flags`` says of each row whether it
    was liked, commented or shared. How often a video was shown is in no row, so show_cnt and the engagement are left
    out, as are the valid and the long plays, which KuaiRec does not define.
    """
    count = len(seconds)
    known = np.isfinite(seconds)
    length = np.where(known, seconds, np.median(seconds[known]) if known.any() else 1.0)
    plays = np.bincount(rows.videos, minlength=count).astype(np.float64)

    def total(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(rows.videos, weights=values, minlength=count), dtype=np.float64)

    played = total(rows.ratios * length[rows.videos])
    complete = total((rows.ratios >= 1.0).astype(np.float64))
    nothing = np.zeros(len(rows), dtype=bool)
    said = [total((flags or {}).get(name, nothing).astype(np.float64)) for name in ("liked", "commented", "shared")]
    progress = total(np.minimum(rows.ratios, 1.0)) / np.maximum(plays, 1.0)
    rates = complete / (plays + 1.0), said[0] / (plays + 1.0), played / (length + 1.0)
    return np.stack([length, plays, played, progress, complete, *said, *rates], axis=1).astype(np.float32)


def train(
    rows: Rows,
    shape: tuple[int, int],
    features: Floats,
    *,
    factors: int = 32,
    hidden: int = 32,
    epochs: int = 5,
    batch: int = 1_024,
    rate: float = 0.001,
    loss: Loss = "mse",
    seed: int = 0,
    progress: Progress,
) -> Network:
    """Fit the network; ``shape`` counts users and videos, ``features`` (videos, F) are standardised here.

    The notebook's steps have 32 rows, embeddings of 32 (he-normal), 32 and 16 hidden, Adam with .001, squared errors.
    """
    import torch

    torch.manual_seed(seed)
    spread = features.std(axis=0)
    standard = ((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).astype(np.float32)
    given = torch.from_numpy(standard)
    user, video = torch.nn.Embedding(shape[0], factors), torch.nn.Embedding(shape[1], factors)
    for embedding in (user, video):
        torch.nn.init.kaiming_normal_(embedding.weight, mode="fan_in")
    of_features = torch.nn.Linear(features.shape[1], hidden)
    first = torch.nn.Linear(2 * factors + hidden, hidden)
    second = torch.nn.Linear(hidden, max(1, hidden // _NARROW))
    last = torch.nn.Linear(max(1, hidden // _NARROW), 1)
    modules = torch.nn.ModuleList([user, video, of_features, first, second, last])
    adam = torch.optim.Adam(modules.parameters(), lr=rate, fused=True)
    criterion = torch.nn.functional.mse_loss if loss == "mse" else torch.nn.functional.l1_loss
    users, videos = torch.from_numpy(rows.users.astype(np.int64)), torch.from_numpy(rows.videos.astype(np.int64))
    ratios = torch.from_numpy(rows.ratios.astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    relu = torch.nn.functional.relu
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # steps are so small that threads cost more than they bring, many times on a busy machine
    try:
        for epoch in range(epochs):
            order = torch.randperm(len(rows), generator=generator)
            for part in torch.split(order, batch):
                own = videos[part]
                beside = torch.cat([user(users[part]), video(own), relu(of_features(given[own]))], dim=1)
                wide = torch.nn.functional.dropout(relu(first(beside)), _DROPOUT)
                error = criterion(last(relu(second(wide)))[:, 0], ratios[part])
                adam.zero_grad()
                error.backward()  # type: ignore[no-untyped-call]
                adam.step()
            progress((epoch + 1) / epochs, f"epoch {epoch + 1} of {epochs}")
    finally:
        torch.set_num_threads(threads)
    weight = first.weight.detach().numpy().T
    arrays = {
        "user": user.weight,
        "video": video.weight,
        "feature_weight": of_features.weight.T,
        "feature_bias": of_features.bias,
        "second_weight": second.weight.T,
        "second_bias": second.bias,
        "last_weight": last.weight.T,
        "last_bias": last.bias,
        "first_bias": first.bias,
    }
    told = {name: np.ascontiguousarray(array.detach().numpy()) for name, array in arrays.items()}
    parts = np.split(weight, [factors, 2 * factors])
    told |= {name: np.array(part) for name, part in zip(("of_user", "of_video", "of_features"), parts, strict=True)}
    return Network({**told, "features": standard})
