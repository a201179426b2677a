"""What is written: exact sizes, the formats of DESIGN, the same bytes for the same seed, nothing half there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from generator import readable
from generator.network import Generated, generate
from generator.sizes import DEMO, FULL, Sizes
from graph import schema
from graph.errors import InputError, SettingsError
from graph.files.tables import read_folder
from tests.generator.conftest import SMALL

TINY = Sizes(users=120, keaks=60, beats=20, follows=500, audiences=1_500)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def followers(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "followers.csv", has_header=False, new_columns=list(schema.FOLLOWER_COLUMNS))


def audiences(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "audiences.csv")


def test_sizes_are_exact(small: Generated):
    folder = small.folder
    assert len(lines(folder / "users.jsonl")) == SMALL.users
    assert len(lines(folder / "keaks.jsonl")) == SMALL.keaks
    assert len(lines(folder / "beats.jsonl")) == SMALL.beats
    assert len(followers(folder)) == SMALL.follows
    assert len(audiences(folder)) == SMALL.audiences
    assert small.rows["audiences.csv"] == SMALL.audiences


def test_same_seed_same_bytes_other_seed_other_network(tmp_path: Path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate(tmp_path / name, TINY, seed, futures=2)
    written = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(written) == 10
    for path in written:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path
    assert (tmp_path / "a" / "audiences.csv").read_bytes() != (tmp_path / "c" / "audiences.csv").read_bytes()


def test_columns_and_spellings_are_those_of_the_schema(small: Generated):
    user, keak, beat = (lines(small.folder / f"{kind}.jsonl")[0] for kind in ("users", "keaks", "beats"))
    columns = {
        schema.USER_ID,
        "username",
        *schema.USER_TIMES,
        *schema.USER_COUNTS,
        *schema.USER_FLAGS,
        *schema.USER_LISTS,
    }
    assert set(user) == columns
    columns = {schema.KEAK_ID, schema.KEAK_AUTHOR, schema.KEAK_BEAT, *schema.KEAK_TIMES, *schema.KEAK_COUNTS}
    assert set(keak) == columns | {*schema.KEAK_FLAGS, "contentType", "lien", "title", *schema.KEAK_LISTS}
    columns = {schema.BEAT_ID, schema.BEAT_MAKER, *schema.BEAT_TIMES, *schema.BEAT_COUNTS}
    assert set(beat) == columns | {"title", *schema.BEAT_TEXTS, *schema.BEAT_TEXT_LISTS, *schema.BEAT_LISTS}
    assert len(user) == 26
    assert all(set(genre) == {"id", "name"} for row in lines(small.folder / "beats.jsonl") for genre in row["genres"])
    moment = re.compile(r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{7}Z")
    assert moment.fullmatch(user["createdAt"])
    assert all(moment.fullmatch(at) for at in followers(small.folder)["timestamp"])
    assert all(moment.fullmatch(at + "Z") for at in audiences(small.folder)["timestamp"]), "no zone, as published"
    progress = audiences(small.folder)["progress"]
    assert progress.dtype == pl.Int64
    assert 0 <= int(progress.min()) < 10  # type: ignore[arg-type]
    assert 90 < int(progress.max()) <= 100  # type: ignore[arg-type]
    assert tuple(audiences(small.folder).columns) == schema.AUDIENCE_COLUMNS


def test_the_import_reads_all_of_it_and_merges_only_repetitions(small: Generated, tmp_path: Path):
    tables, report = read_folder(small.folder, tmp_path)
    assert report.quarantine is None
    assert report.nodes[schema.USER] == SMALL.users
    assert report.nodes[schema.CONTENT] == SMALL.contents
    assert report.relationships[schema.FOLLOWS] == SMALL.follows
    pairs = audiences(small.folder).select("userId", "contentId").n_unique()
    assert report.relationships[schema.WATCHED] == pairs
    assert 0.005 < 1 - pairs / SMALL.audiences < 0.2
    assert {schema.MADE, schema.USES, schema.HAS_GENRE, schema.HAS_MOOD, schema.TAGGED} <= set(report.relationships)
    assert tables.nodes[schema.GENRE].height > 10


def test_nobody_follows_twice_or_follows_themselves(small: Generated):
    follows = followers(small.folder)
    assert follows.select("follower", "followed").is_duplicated().sum() == 0
    assert (follows["follower"] == follows["followed"]).sum() == 0


def test_nothing_happens_before_it_can(small: Generated):
    users = pl.DataFrame(lines(small.folder / "users.jsonl"), infer_schema_length=None).select("userId", "createdAt")
    born = users.with_columns(userId="users/" + pl.col("userId"))
    keaks = pl.DataFrame(lines(small.folder / "keaks.jsonl"), infer_schema_length=None).select("keakId", "createdAt")
    follows = followers(small.folder).join(born, left_on="follower", right_on="userId")
    follows = follows.join(born, left_on="followed", right_on="userId", suffix="Followed")
    assert len(follows) == SMALL.follows
    assert (follows["timestamp"] < follows["createdAt"]).sum() == 0
    assert (follows["timestamp"] < follows["createdAtFollowed"]).sum() == 0
    views = audiences(small.folder).join(born, on="userId")
    views = views.join(
        keaks.with_columns(keakId="keaks/" + pl.col("keakId")), left_on="contentId", right_on="keakId", suffix="Keak"
    )
    assert len(views) > SMALL.audiences / 2
    assert (views["timestamp"] < views["createdAt"]).sum() == 0
    assert (views["timestamp"] < views["createdAtKeak"]).mean() < 0.001  # type: ignore[operator]


def test_counts_agree_with_the_relationships(small: Generated):
    views, follows = audiences(small.folder), followers(small.folder)
    keaks = {f"keaks/{row['keakId']}": row for row in lines(small.folder / "keaks.jsonl")}
    for content, rows in views.group_by("contentId"):
        if keak := keaks.get(str(content[0])):
            assert keak["viewCount"] == len(rows)
            assert keak["likeCount"] == rows["liked"].sum()
            assert keak["averageViewProgress"] == pytest.approx(rows["progress"].mean(), abs=0.051)
    followed = dict(follows.group_by("follower").len().iter_rows())
    pairs = set(follows.select("follower", "followed").iter_rows())
    for user in lines(small.folder / "users.jsonl")[:200]:
        me = f"users/{user['userId']}"
        assert user["friendCount"] in (None, followed.get(me, 0))
        mutual = sum((other, me) in pairs for one, other in pairs if one == me)
        assert user["mutualFollowCount"] in (None, mutual)


def test_people_and_contents_have_names_that_tell_them_apart(small: Generated):
    for name, column in (("users", "username"), ("keaks", "title"), ("beats", "title")):
        called = [row[column] for row in lines(small.folder / f"{name}.jsonl")]
        assert len(set(called)) == len(called)
        assert all(re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+( \d+)?( \(beat\))?", one) for one in called), called[:3]


def test_a_name_is_of_one_number_alone():
    numbers = np.concatenate([np.arange(100_000), np.arange(3_500_000, 3_600_000)])
    assert readable.people(numbers).n_unique() == readable.titles(numbers).n_unique() == len(numbers)


def test_values_are_missing_as_in_real_files(small: Generated):
    users = lines(small.folder / "users.jsonl")
    for column in ("lastConnection", "PlaylistCount", "shareCount", "mutualFollowCount", "likeCount"):
        gaps = sum(user[column] is None for user in users)
        assert 0 < gaps < len(users), column
    assert any(not user["listenedGenres"] for user in users)
    assert any(keak["beatId"] is None for keak in lines(small.folder / "keaks.jsonl"))


def test_keaks_may_name_neither_maker_nor_beat(tmp_path: Path):
    generate(tmp_path / "bare", TINY, 3, futures=0, makers=False)
    keak = lines(tmp_path / "bare" / "keaks.jsonl")[0]
    assert not {schema.KEAK_AUTHOR, schema.KEAK_BEAT} & set(keak)
    _, report = read_folder(tmp_path / "bare", tmp_path)
    assert schema.USES not in report.relationships
    assert report.scales[0].scale == "percent"


@pytest.mark.parametrize("packing", ["gz", "zst", "parquet"])
def test_packed_files_hold_the_same(packing: Any, tmp_path: Path):
    plain = generate(tmp_path / "plain", TINY, 3, futures=0)
    packed = generate(tmp_path / packing, TINY, 3, futures=0, packing=packing)
    assert packed.bytes < plain.bytes
    one, _ = read_folder(plain.folder, tmp_path / "one")
    other, _ = read_folder(packed.folder, tmp_path / "other")
    for kind, table in one.edges.items():
        assert table.equals(other.edges[kind]), kind


def test_dirt_is_refused_by_the_import_and_nothing_else_is(tmp_path: Path):
    clean = generate(tmp_path / "clean", TINY, 3, futures=0)
    dirty = generate(tmp_path / "dirty", TINY, 3, futures=0, dirt=True)
    _, before = read_folder(clean.folder, tmp_path / "one")
    _, after = read_folder(dirty.folder, tmp_path / "other")
    assert before.quarantine is None
    assert after.quarantine is not None
    assert sum(dirty.rows.values()) > sum(clean.rows.values())
    assert after.relationships[schema.FOLLOWS] <= before.relationships[schema.FOLLOWS] + 1


def test_scales_follow_the_real_network():
    assert Sizes.at(1.0) == FULL
    assert Sizes.at(0.01).audiences == 289_523
    assert Sizes.at(0.01).with_(users=5_000).users == 5_000
    assert DEMO.users == 5_000
    for scale in (0.0009, 3.1, -1.0):
        with pytest.raises(SettingsError, match="scale"):
            Sizes.at(scale)
    with pytest.raises(SettingsError, match="follows"):
        TINY.with_(follows=20_000)
    with pytest.raises(SettingsError, match="at least"):
        TINY.with_(users=3)


def test_somebodys_folder_is_never_replaced(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    with pytest.raises(InputError, match="was not written by this command"):
        generate(tmp_path / "mine", TINY, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    generate(tmp_path / "network", TINY, 1, futures=0)
    generate(tmp_path / "network", TINY, 2, futures=0)
    assert json.loads((tmp_path / "network" / "generated.json").read_text())["seed"] == 2


def test_a_failure_leaves_nothing_behind(tmp_path: Path):
    def stop(share: float, what: str) -> None:
        if what == "watching":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "network", TINY, 1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_smallest_scale_works(tmp_path: Path):
    written = generate(tmp_path / "least", Sizes.at(0.001), 1, futures=1)
    assert written.rows["audiences.csv"] == 28_952
    assert np.isclose(written.rows["followers.csv"], 10_506)
