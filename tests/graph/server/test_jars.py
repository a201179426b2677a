from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from jgo.maven import MavenContext

from graph.errors import LocalServerError
from graph.server import jars
from graph.server.jars import Jar

CONTENTS = {"org.example:one:1.0": b"first", "org.example:two:1.0:linux": b"second"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of two small jars, and a repository on this disk that has them."""
    lock = [Jar(coordinate, hashlib.sha256(held).hexdigest()) for coordinate, held in CONTENTS.items()]
    monkeypatch.setattr(jars, "locked", lambda: lock)
    publish(tmp_path, CONTENTS)
    mirror = [tmp_path / "repository"]
    monkeypatch.setattr(jars, "_maven", lambda path: MavenContext(repo_cache=path, local_repos=mirror, remote_repos={}))
    return tmp_path / "cache"


def publish(folder: Path, contents: dict[str, bytes]) -> None:
    for coordinate, held in contents.items():
        _, artifact, version, *classifier = coordinate.split(":")
        file = (
            folder
            / "repository"
            / "org/example"
            / artifact
            / version
            / f"{'-'.join([artifact, version, *classifier])}.jar"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(held)


def test_jars_are_downloaded_once(cache: Path):
    steps: list[tuple[int, int]] = []
    paths = jars.fetch(cache, lambda what, done, total: steps.append((done, total)))
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert steps[-1] == (2, 2)
    steps.clear()
    assert jars.fetch(cache, lambda what, done, total: steps.append((done, total))) == paths
    assert steps == []


def test_a_damaged_jar_is_replaced_and_the_others_stay(cache: Path, tmp_path: Path):
    one, two = jars.fetch(cache)
    before = two.stat().st_mtime_ns
    one.write_bytes(b"firsT")
    assert [jar.coordinate for jar in jars.damaged(cache)] == ["org.example:one:1.0"]
    publish(tmp_path, CONTENTS)
    jars.fetch(cache)
    assert one.read_bytes() == b"first"
    assert two.stat().st_mtime_ns == before


def test_a_mirror_that_serves_something_else_is_not_trusted(cache: Path, tmp_path: Path):
    publish(tmp_path, {"org.example:one:1.0": b"evil"})
    with pytest.raises(LocalServerError, match=r"org\.example:one:1\.0 was downloaded with checksum"):
        jars.fetch(cache)
    assert not (jars.home(cache) / "org.example.one-1.0.jar").exists()


def test_a_download_that_fails_names_the_jar_and_what_to_do(cache: Path, tmp_path: Path):
    (tmp_path / "repository/org/example/two/1.0/two-1.0-linux.jar").unlink()
    with pytest.raises(LocalServerError, match=r"two:1\.0:linux cannot be downloaded.*run the command again"):
        jars.fetch(cache)


def test_the_committed_lock_is_whole_and_names_no_host():
    locked = jars.locked()
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in locked)
    assert len({jar.file for jar in locked}) == len(locked)
    assert set(jars.ROOTS) <= {jar.coordinate for jar in locked}
    assert "//" not in jars.LOCK.read_text()
