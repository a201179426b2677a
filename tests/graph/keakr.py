"""Small Keakr folders for the tests of what reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graph.files.quarantine import FileReport, ImportReport

USERS: list[dict[str, Any]] = [
    {"userId": "1", "createdAt": "2021-03-04T05:06:07.1234567Z", "likeCount": 3, "isSinger": True,
     "listenedGenres": [{"id": 7, "name": "rap"}], "usedGenres": ["rap"]},
    {"userId": "2", "createdAt": None, "likeCount": None},
    {"userId": "3"},
]  # fmt: skip
KEAKS: list[dict[str, Any]] = [
    {"keakId": "10", "createdAt": "2021-05-01T00:00:00Z", "averageViewProgress": 0.25, "hashtags": ["#love", "night"],
     "userId": "3", "beatId": "20"},
    {"keakId": "11", "viewCount": 5},
]  # fmt: skip
BEATS: list[dict[str, Any]] = [
    {"beatId": "20", "bpm": 92, "genres": [{"id": 7, "name": "rap"}], "moods": [{"id": 1, "name": "calm"}],
     "beatmakerId": "2", "licenceType": "free"},
]  # fmt: skip
FOLLOWERS = "users/1,users/2,2021-06-01T00:00:00Z\nusers/2,users/3,2021-06-02T00:00:00Z\n"
AUDIENCES = (
    "userId,contentId,timestamp,progress,liked,commented,shared\n"
    "users/1,keaks/10,2021-06-01T10:00:00.5Z,0.5,True,False,False\n"
    "users/1,keaks/10,2021-06-03T10:00:00Z,0.25,False,True,False\n"
    "users/2,beats/20,2021-06-02T10:00:00Z,1,false,false,true\n"
)


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def folder(path: Path, **files: str | bytes) -> Path:
    """A folder with the five files above; ``audiences="…"`` replaces one, an empty text leaves it out."""
    texts: dict[str, str | bytes] = {
        "users": lines(USERS), "keaks": lines(KEAKS), "beats": lines(BEATS), "followers": FOLLOWERS,
        "audiences": AUDIENCES, **files,
    }  # fmt: skip
    path.mkdir(exist_ok=True)
    for name, text in texts.items():
        if text:
            suffix = "jsonl" if name in ("users", "keaks", "beats") else "csv"
            (path / f"{name}.{suffix}").write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def only(path: Path, **files: str | bytes) -> Path:
    """A folder with the named files only."""
    return folder(path, **{**dict.fromkeys(("users", "keaks", "beats", "followers", "audiences"), ""), **files})


def of(report: ImportReport, file: str) -> FileReport:
    return next(entry for entry in report.files if entry.file == file)


def quarantined(report: ImportReport) -> list[dict[str, Any]]:
    assert report.quarantine
    return [json.loads(line) for line in report.quarantine.read_text().splitlines()]
