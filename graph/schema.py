"""Names used in more than one folder: labels, relationship types, property keys, file columns.

They are defined only here, and a test checks each ``.cypher`` file against them. Property keys are those of the source
files (camelCase), so that an analyst recognises the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SNAPSHOT_VERSION: Final = 4

USER: Final = "User"
CONTENT: Final = "Content"
KEAK: Final = "Keak"
BEAT: Final = "Beat"
TRACK: Final = "Track"
GENRE: Final = "Genre"
MOOD: Final = "Mood"
HASHTAG: Final = "Hashtag"
ARTIST: Final = "Artist"
SESSION: Final = "Session"
PLAYLIST: Final = "Playlist"

FOLLOWS: Final = "FOLLOWS"
WATCHED: Final = "WATCHED"
MADE: Final = "MADE"
USES: Final = "USES"
HAS_GENRE: Final = "HAS_GENRE"
HAS_MOOD: Final = "HAS_MOOD"
TAGGED: Final = "TAGGED"
LISTENS_TO: Final = "LISTENS_TO"
CREATES_IN: Final = "CREATES_IN"
BLOCKED: Final = "BLOCKED"
HID: Final = "HID"
PERFORMED_BY: Final = "PERFORMED_BY"
OPENED: Final = "OPENED"
PLAYED: Final = "PLAYED"
HOLDS: Final = "HOLDS"
WATCH_RATIO: Final = "WATCH_RATIO"
HELD_OUT: Final = "HELD_OUT"

USER_PREFIX: Final = "users/"
KEAK_PREFIX: Final = "keaks/"
BEAT_PREFIX: Final = "beats/"
TRACK_PREFIX: Final = "tracks/"
CONTENT_PREFIXES: Final = (KEAK_PREFIX, BEAT_PREFIX, TRACK_PREFIX)

#: The property that identifies a node of each label (a named uniqueness constraint in the graph).
NODE_KEYS: Final[dict[str, str]] = {
    USER: "userId",
    CONTENT: "contentId",
    GENRE: "genreId",
    MOOD: "moodId",
    HASHTAG: "name",
    ARTIST: "artistId",
    SESSION: "sessionId",
    PLAYLIST: "playlistId",
}

#: Nodes that keep the books: no part of the network, never exported. Label → key, then the other properties.
EVENT: Final = "Event"
SCALE: Final = "Scale"
SCHEMA_VERSION: Final = "SchemaVersion"
BOOKKEEPING: Final[dict[str, tuple[str, ...]]] = {
    EVENT: ("producer", "eventId", "receivedAt", "times"),
    SCALE: ("column", "scale"),
    SCHEMA_VERSION: ("name", "appliedAt"),
}

#: What the import works out for every content and the events keep up to date: how many people watched it, and the
#: logarithm of their decayed number (graph/load/watch.py), absent where no watch has a time.
CONTENT_KEPT: Final = ("audience", "trend")

#: Marks a person who is counted but never named to others. No feature of any model.
PRIVATE: Final = "isPrivate"
#: What the API said of this, which imports keep to; absent where it said nothing. In no answer and no snapshot.
SAID_PRIVATE: Final = "saidPrivate"
#: Marks a content that was taken down: it is shown nowhere, and what people watched of it stays. No feature either.
TAKEN_DOWN: Final = "takenDown"

#: What the search shows in place of an id, where a file brought it.
TITLE: Final = "title"
#: What people are called; ids name them where no file brought it.
NAME: Final = "name"

#: Kinds of content, as the API and the snapshot's ``kind`` column spell them.
KINDS: Final[tuple[str, ...]] = ("keak", "beat", "track")
#: Their labels, in that order: every content has one of them.
KIND_LABELS: Final = (KEAK, BEAT, TRACK)


#: Properties that a change of the catalogue may write.
PUBLISHED: Final = (
    *(TITLE, NAME, PRIVATE, SAID_PRIVATE, TAKEN_DOWN, "createdAt", "updatedAt", "link", "duration", "bpm"),
    *("contentType", "hasSmallThumbnail", "licenceType", "preview", "keakId", "beatId", "trackId"),
)


@dataclass(frozen=True)
class RelationshipType:
    """One relationship type: its two ends and the properties it carries."""

    name: str
    source: str
    target: str
    properties: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    """Further properties that only imports and events need, to fold what comes later. They are not exported."""


RELATIONSHIPS: Final[dict[str, RelationshipType]] = {
    r.name: r
    for r in (
        RelationshipType(FOLLOWS, USER, USER, ("since",)),
        RelationshipType(
            WATCHED,
            USER,
            CONTENT,
            ("progress", "liked", "commented", "shared", "watchCount", "firstAt", "lastAt"),
            ("times", "likedAt", "commentedAt", "sharedAt"),
        ),
        RelationshipType(MADE, USER, CONTENT),
        RelationshipType(USES, CONTENT, CONTENT),
        RelationshipType(HAS_GENRE, CONTENT, GENRE),
        RelationshipType(HAS_MOOD, CONTENT, MOOD),
        RelationshipType(TAGGED, CONTENT, HASHTAG),
        RelationshipType(LISTENS_TO, USER, GENRE),
        RelationshipType(CREATES_IN, USER, GENRE),
        RelationshipType(BLOCKED, USER, USER, ("at",)),
        RelationshipType(HID, USER, CONTENT, ("at",)),
        RelationshipType(PERFORMED_BY, CONTENT, ARTIST),
        RelationshipType(OPENED, USER, SESSION),
        # One a play: a track may stand in a session twice. Arm and propensity are of the choice that led to the play.
        RelationshipType(PLAYED, SESSION, CONTENT, ("place", "share", "at", "arm", "propensity")),
        # One a place: a playlist may hold a track twice.
        RelationshipType(HOLDS, PLAYLIST, CONTENT, ("place",)),
        # One a row of a file: play time over duration, unclipped, and the row's number. What is held out only judges.
        RelationshipType(WATCH_RATIO, USER, CONTENT, ("row", "ratio", "at")),
        RelationshipType(HELD_OUT, USER, CONTENT, ("row", "ratio", "at")),
    )
}

#: What somebody took back, and when (ms): from a person to a person or a content. No part of the network, never
#: exported; docs/cypher.md says what each property means.
UNDID: Final = "UNDID"
#: From a person to a content: to be shown less of what is like it, and since when (``at``, ms). Only feeds look at it.
LESS: Final = "LESS"
UNDONE: Final = (
    "followedAt",
    "unfollowedAt",
    "blockedAt",
    "unblockTimes",
    "partedAt",
    "unhidAt",
    "unlessAt",
    "unlikedAt",
    "uncommentedAt",
    "unsharedAt",
)

#: Columns of users.jsonl beside the id, by type. Any may be missing.
USER_TIMES: Final = ("createdAt", "lastConnection")
USER_COUNTS: Final = (
    "battleCreatedCount",
    "battleLostCount",
    "battleRespondedCount",
    "battleWonCount",
    "friendCount",
    "keakCount",
    "keakrCoinGiven",
    "keakCoinReceived",
    "likeCount",
    "likeGivenCount",
    "mutualFollowCount",
    "overallBeatUsage",
    "PlaylistCount",
    "prizeMoneyParticipationCount",
    "sessionCount",
    "shareCount",
    "viewCount",
)
USER_FLAGS: Final = ("prizeMoneyWinner", "isBeatmaker", "isSinger")
USER_LISTS: Final = ("listenedGenres", "usedGenres")

#: Columns of KuaiRec's user_features.csv beside the id and the ranges, which say the counts again. The categories are
#: numbers without an order, encrypted as published.
FEATURE_TEXTS: Final = ("user_active_degree",)
FEATURE_COUNTS: Final = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
FEATURE_FLAGS: Final = ("is_lowactive_period", "is_live_streamer", "is_video_author")
FEATURE_CATEGORIES: Final = tuple(f"onehot_feat{number}" for number in range(18))
FEATURES: Final = frozenset((*FEATURE_TEXTS, *FEATURE_COUNTS, *FEATURE_FLAGS, *FEATURE_CATEGORIES))

KEAK_TIMES: Final = ("createdAt",)
KEAK_COUNTS: Final = ("likeCount", "commentCount", "viewCount", "averageViewProgress", "duration")
KEAK_FLAGS: Final = ("hasSmallThumbnail",)
KEAK_TEXTS: Final = ("contentType", "link")

BEAT_TIMES: Final = ("createdAt", "updatedAt")
BEAT_COUNTS: Final = ("bpm", "duration", "nbKeaks", "nbLikes")
BEAT_TEXTS: Final = ("link",)
#: Lists of texts that are kept as a property of the node.
BEAT_TEXT_LISTS: Final = ("licenceType",)
#: Of the file of each label, column → the property under which the graph keeps it.
USER_RENAMED: Final = {"username": NAME, "displayName": NAME, "nickname": NAME}
CONTENT_RENAMED: Final = {"lien": "link", "name": TITLE, "caption": TITLE}

TRACK_COUNTS: Final = ("pop",)
TRACK_TEXTS: Final = (TITLE, "preview")

SESSION_TIMES: Final = ("startedAt", "endedAt")
SESSION_TEXTS: Final = ("arm",)

#: A hash of the plays of a session, by which an import tells whether the graph holds others. Not exported; playlists
#: have one of their tracks under the same name.
SESSION_KEPT: Final = ("digest",)

#: The id column of each jsonl file (ids bare), and the columns that refer to another file's ids (bare as well).
USER_ID: Final = "userId"
KEAK_ID: Final = "keakId"
BEAT_ID: Final = "beatId"
TRACK_ID: Final = "trackId"
KEAK_AUTHOR: Final = "userId"
KEAK_BEAT: Final = "beatId"
BEAT_MAKER: Final = "beatmakerId"
#: Lists: hashtags of names; genres, moods and a user's genres of ``{id, name}``.
KEAK_LISTS: Final = ("hashtags",)
BEAT_LISTS: Final = ("genres", "moods")

#: Columns that say how far a content was watched: percent, a fraction or seconds in a file, a fraction in the graph.
PROGRESS: Final = "progress"
AVERAGE_PROGRESS: Final = "averageViewProgress"

#: Headerless column order of the two relationship files.
FOLLOWER_COLUMNS: Final = ("follower", "followed", "timestamp")
AUDIENCE_COLUMNS: Final = ("userId", "contentId", "timestamp", "progress", "liked", "commented", "shared")
