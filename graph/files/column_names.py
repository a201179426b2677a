"""Names of our columns of follows and of watches in the headers of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["AUDIENCES", "FOLLOWERS", "Names"]

_TIME: Final = (
    *("timestamp", "datetime", "date", "time", "at", "since", "createdat", "watchedat", "ratedat", "playedat"),
    *("listenedat", "viewedat", "eventtime", "unixtime", "unixreviewtime", "timems", "timestampms", "ts", "created"),
)


@dataclass(frozen=True)
class Names:
    """Our columns of one kind of table, and the names that headers give them (lower case, letters and digits)."""

    columns: Mapping[str, tuple[str, ...]]
    """Ours → theirs, best first; the first two columns are needed."""
    weak: tuple[str, ...]
    """Names of the second column that count where no better one is there."""
    keys: Mapping[str, str]
    """The name in --columns → our name of the column."""
    lone: tuple[str, ...] = ()
    """Names of the first column that count only where no name of the second one is there."""


FOLLOWERS: Final = Names(
    {
        "follower": (
            *("follower", "followerid", "followedby", "followedbyid"),
            *("userid", "user", "from", "source", "fromid", "sourceid"),
        ),
        "followed": (
            *("followed", "followedid", "followee", "followeeid", "following", "followingid"),
            *("friendid", "friend", "to", "target", "toid", "targetid"),
        ),
        "timestamp": _TIME,
    },
    (),
    {"follower": "follower", "friend": "followed", "followed": "followed", "since": "timestamp"},
    # Beside a column for the friend it may well be a flag: whether the friend follows as well.
    ("followedby", "followedbyid"),
)
_THINGS: Final = (
    *("keak", "beat", "track", "song", "artist", "album", "movie", "film", "video", "book", "product", "business"),
    *("place", "game", "article", "post", "news", "recipe", "event", "item", "content", "asin", "isbn", "sku"),
)
_PEOPLE: Final = ("listener", "customer", "visitor", "member", "person", "viewer", "reader", "reviewer", "account")
AUDIENCES: Final = Names(
    {
        "userId": (
            *("userid", "user", "uid", "from", "source", "useridx", "username"),
            *(f"{who}{end}" for end in ("id", "") for who in _PEOPLE),
        ),
        "contentId": ("contentid", "content", "itemid", "item", "iid", "to", "target"),
        "timestamp": _TIME,
        "progress": ("progress", "viewprogress"),
        "liked": ("liked", "like", "isliked", "islike"),
        "commented": ("commented", "iscommented", "iscomment"),
        "shared": ("shared", "share", "isshared", "isshare"),
    },
    tuple(f"{thing}{end}" for end in ("id", "") for thing in _THINGS),
    {
        "user": "userId",
        "item": "contentId",
        "content": "contentId",
        "time": "timestamp",
        **{name: name for name in ("progress", "liked", "commented", "shared")},
    },
)
