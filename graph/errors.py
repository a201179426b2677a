"""Every error that Entourage raises on purpose. Each says what is wrong and what to do about it.

EntourageError
├── SettingsError            a setting or option cannot be used
├── InputError               a file or folder of data cannot be used
├── GraphError               Neo4j cannot answer
│   ├── GraphUnavailable     nothing answers at the address
│   ├── GraphAuthError       the name or password is wrong
│   ├── GraphTimeout         the deadline passed first
│   │   └── Overloaded       so much is asked that the turn did not come
│   └── LocalServerError     the local Neo4j cannot be started or stopped
├── SnapshotError            a snapshot is missing, damaged or of another version
├── ModelError               a model cannot be trained, saved or loaded
│   └── ModelMismatch        the model was trained on another graph
└── NotFound                 a user, content, artist or query nobody knows
    ├── UnknownUser
    ├── UnknownArtist
    └── UnknownContent
"""

from __future__ import annotations

__all__ = [
    "EntourageError",
    "GraphAuthError",
    "GraphError",
    "GraphTimeout",
    "GraphUnavailable",
    "InputError",
    "LocalServerError",
    "ModelError",
    "ModelMismatch",
    "NotFound",
    "Overloaded",
    "SettingsError",
    "SnapshotError",
    "UnknownArtist",
    "UnknownContent",
    "UnknownUser",
]


class EntourageError(Exception):
    """Base of all our errors: ``what`` is wrong, in one sentence, and what to ``do`` next.

    The command line prints both and exits with ``exit_code``; the service turns both into a problem document.
    """

    exit_code = 1

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return f"{self.what} {self.do}".strip()


class SettingsError(EntourageError):
    """A setting or option cannot be used."""

    exit_code = 2


class InputError(EntourageError):
    """A file or folder of data cannot be used."""

    exit_code = 3


class GraphError(EntourageError):
    """Neo4j cannot answer."""

    exit_code = 4


class GraphUnavailable(GraphError):
    """Nothing answers at the address."""


class GraphAuthError(GraphError):
    """The name or password is wrong."""


class GraphTimeout(GraphError):
    """The deadline passed before the answer came."""


class Overloaded(GraphTimeout):
    """The service is so busy that the turn of a request did not come before its deadline."""


class LocalServerError(GraphError):
    """The local Neo4j cannot be started or stopped."""


class SnapshotError(EntourageError):
    """A snapshot is missing, damaged or of another version."""

    exit_code = 5


class ModelError(EntourageError):
    """A model cannot be trained, saved or loaded."""

    exit_code = 6


class ModelMismatch(ModelError):
    """The model was trained on another graph."""


class NotFound(EntourageError):
    """There is no such user, content, artist or query."""

    exit_code = 7


class UnknownUser(NotFound):
    """No user has this id."""


class UnknownContent(NotFound):
    """No content has this id."""


class UnknownArtist(NotFound):
    """No artist has this id or name."""
