"""Values of the graph as JSON: snake_case keys, times as ISO 8601 text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any, Final

from flask.json.provider import DefaultJSONProvider

__all__ = ["JSONProvider", "plain", "snake_case"]

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class JSONProvider(DefaultJSONProvider):
    """Keeps the order of keys, and writes times as clients read them."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises ValueError for what is no JSON, also where it is nested too deeply."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    @staticmethod
    def default(value: Any) -> Any:
        """What the json module calls for a type it does not know."""
        if isinstance(value, datetime):
            return value.isoformat().replace("+00:00", "Z")
        return DefaultJSONProvider.default(value)


def snake_case(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under snake_case keys, those of mappings inside included: keakCount is keak_count."""
    return {
        _HUMP.sub("_", key).lower(): snake_case(value) if isinstance(value, Mapping) else value
        for key, value in properties.items()
    }


def plain(value: Any) -> Any:
    """A dataclass as `dataclasses.asdict` gives it, in a fifth of the time: what is no dataclass is not copied."""
    if is_dataclass(value):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return {key: plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value
