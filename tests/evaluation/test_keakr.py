"""The suite of the Keakr notebook: counts before a moment against loops, nothing later in them, its tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli import suite_keakr
from evaluation import keakr_suite
from evaluation.keakr_data import CONTENT, USER, Lines, Network, read
from evaluation.keakr_networks import Convolution, train
from evaluation.keakr_sample import sample
from evaluation.keakr_suite import LABELS, find, measure
from generator.network import generate
from generator.sizes import DEMO
from graph.errors import InputError
from graph.settings import Engagement
from recommenders.core.effort import Effort
from recommenders.core.options import silent

HEADER = "user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tplay_time_ms\tduration_ms\tis_like"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("generated") / "network"
    generate(folder, DEMO.with_(users=80, keaks=40, beats=10, follows=300, audiences=2_500), 3, futures=0)
    return read(folder, "small, generated")


def test_every_line_is_read_in_the_order_of_time(network: Network) -> None:
    lines = network.lines
    assert len(lines) == 2_500
    assert (np.diff(lines.at) >= 0).all()
    assert len(network.parts.train) == 2_000
    assert network.parts.train.at[-1] <= network.parts.validation.at[0] <= network.parts.test.at[0]
    np.testing.assert_allclose(
        lines.label(Engagement()),
        0.55 * lines.progress + 0.15 * lines.commented + 0.2 * lines.shared + 0.1 * lines.liked,
        rtol=1e-6,
    )


def test_a_part_of_a_large_network_is_people_and_what_is_among_them(network: Network) -> None:
    assert sample(network, network.users) is network
    part = sample(network, 30, seed=1)
    again = sample(network, 30, seed=1)
    np.testing.assert_array_equal(part.lines.user, again.lines.user)
    assert (part.users, part.drawn_from) == (30, network.users)
    lines = [tuple(row) for row in zip(*(getattr(network.lines, name) for name in ("at", "progress")), strict=True)]
    told = [tuple(row) for row in zip(*(getattr(part.lines, name) for name in ("at", "progress")), strict=True)]
    assert len(told) == len(set(told))
    assert set(told) <= set(lines)
    assert set(part.lines.content.tolist()) == set(range(part.contents)), "contents that somebody of them watched"
    assert part.follower.size
    assert max(part.lines.user.max(), part.follower.max(), part.followed.max(), part.maker.max()) < 30
    alone = network.follower.size * (30 / network.users) ** 2
    assert part.follower.size > 1.5 * alone, "people who were reached by follows know one another"
    assert "30 people drawn from 80, reached by follows" in suite_keakr._caption_of(part)
    train(part, "gat", "as of the moment", epochs=1)


def test_counts_before_a_moment_are_those_of_loops(network: Network) -> None:
    lines, follows = network.lines, list(zip(network.follower, network.followed, network.since, strict=True))
    rows = np.random.default_rng(0).choice(len(lines), 25, replace=False)
    users, contents, at = lines.user[rows], lines.content[rows], lines.at[rows]
    people = dict(zip(USER, network.user_vectors(users, at, "as of the moment").T, strict=True))
    videos = dict(zip(CONTENT, network.content_vectors(contents, at, "as of the moment").T, strict=True))
    for place, (user, content, now) in enumerate(zip(users, contents, at, strict=True)):
        before = lines.keep(lines.at < now)
        own, of_content = before.keep(before.user == user), before.keep(before.content == content)
        received = before.keep(network.maker[before.content] == user)
        follow = {(a, b) for a, b, since in follows if since < now}
        assert people["friendCount"][place] == sum(a == user for a, _ in follow)
        assert people["mutualFollowCount"][place] == sum(a == user and (b, a) in follow for a, b in follow)
        assert people["likeGivenCount"][place] == own.liked.sum()
        assert people["shareCount"][place] == own.shared.sum()
        assert people["sessionCount"][place] == len(set(own.at // 86_400_000))
        assert people["viewCount"][place] == len(received)
        assert people["likeCount"][place] == received.liked.sum()
        if len(own):
            assert people["lastConnection"][place] == pytest.approx((now - own.at.max()) / 86_400_000)
        else:
            assert np.isnan(people["lastConnection"][place])
        assert videos["viewCount"][place] == len(of_content)
        assert videos["commentCount"][place] == of_content.commented.sum()
        if len(of_content):
            assert videos["averageViewProgress"][place] == pytest.approx(of_content.progress.mean(), rel=1e-5)


def test_nothing_later_is_in_a_vector_of_the_moment_and_something_is_in_one_of_the_export(network: Network) -> None:
    lines = network.lines
    now = int(lines.at[1_500])
    later = lines.at >= now
    turned = Lines(
        np.where(later, lines.user[::-1], lines.user),
        np.where(later, lines.content[::-1], lines.content),
        lines.at,
        *(np.where(later, 1.0 - part, part).astype(np.float32)
          for part in (lines.progress, lines.liked, lines.commented, lines.shared)),
    )  # fmt: skip
    other = replace(network, lines=turned, statics={
        label: {name: values if name in ("createdAt", "duration") else np.full(len(values), np.nan)
                for name, values in said.items()} for label, said in network.statics.items()})  # fmt: skip
    people, moment = np.arange(network.users), np.full(network.users, now)
    counted = slice(0, 10)
    vectors = [one.user_vectors(people, moment, "as of the moment")[:, counted] for one in (network, other)]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    for graphs in ((network.social(now), other.social(now)), (network.together(now), other.together(now))):
        np.testing.assert_array_equal(graphs[0].toarray(), graphs[1].toarray())
    exported = [one.user_vectors(people, moment, "as exported")[:, counted] for one in (network, other)]
    assert not np.array_equal(exported[0], exported[1], equal_nan=True)


def test_figures_are_those_of_loops() -> None:
    zeros = np.zeros(5, dtype=np.float32)
    lines = Lines(np.array([0, 0, 0, 1, 2]), np.arange(5), np.arange(5), zeros, zeros, zeros, zeros)
    held_out = np.array([0.2, 1.0, 0.0, 0.5, 0.0])
    found = measure("one", "", np.array([0.3, 0.2, 0.1, 0.5, 0.4]), lines, held_out, 0)
    assert found.absolute == pytest.approx((0.1 + 0.8 + 0.1 + 0.0 + 0.4) / 5)
    assert found.error.tolist() == pytest.approx([1.0 / 3, 0.0, 0.4])
    weight = 1.0 / np.log2([2, 3, 4])
    assert found.ndcg.tolist() == pytest.approx([(0.2 * weight[0] + weight[1]) / (weight[0] + 0.2 * weight[1])])


def test_people_without_two_lines_or_without_any_engagement_have_no_ndcg() -> None:
    users = np.array([0, 1, 1, 2, 2])
    lines = Lines(users, np.arange(5), np.arange(5), *(np.zeros(5, dtype=np.float32) for _ in range(4)))
    held_out = np.array([1.0, 0.0, 0.0, 0.0, 0.5], dtype=np.float32)
    row = measure("model", "", np.array([0.1, 0.2, 0.3, 0.1, 0.9], dtype=np.float32), lines, held_out, 0)
    assert row.ndcg.tolist() == [1.0]  # of person 2 alone


def test_a_share_of_what_is_proposed_counts_no_empty_places() -> None:
    """Where all but three contents were watched, seven of the ten places are empty."""
    scores = np.full((2, 20), -np.inf)
    scores[0, :3] = [3.0, 2.0, 1.0]
    scores[1, 5] = 1.0
    held_out, around = np.zeros((2, 20), dtype=bool), np.zeros((2, 20), dtype=bool)
    held_out[0, :2] = True
    around[0, 1:3] = True
    found = find("model", scores, held_out, around)
    assert (found.hits, found.far_hits, found.far_share) == (2, 1, 0.5)
    assert find("model", np.full((2, 20), -np.inf), held_out, around).far_share == 0.0


def test_networks_learn_what_the_vectors_say(tmp_path: Path) -> None:
    """Short videos are watched to nine tenths, long ones to a tenth."""
    random = np.random.default_rng(1)
    rows = [HEADER]
    for at in range(3_000):
        video = int(random.integers(30))
        length = 5_000 if video % 2 else 60_000
        played = int(length * (0.9 if video % 2 else 0.1))
        rows.append(f"{random.integers(40)}\t{video}\t{1_600_000_000_000 + at}\t0\t0\t{played}\t{length}\t0")
    (tmp_path / "log.tsv").write_text("\n".join(rows) + "\n")
    log = read(tmp_path)
    test = log.parts.test
    held_out = test.label(Engagement())
    mean = measure("mean", "", np.full(len(test), held_out.mean()), test, held_out, 0)
    names: tuple[Convolution, ...] = ("dense", "gat")
    found = [train(log, name, "as of the moment", epochs=12).predict(test) for name in names]
    for predicted in found:
        assert ((predicted >= 0) & (predicted <= 1)).all()
        assert measure("", "", predicted, test, held_out, 0).absolute < 0.5 * mean.absolute
    assert not np.allclose(found[0], found[1])


def test_the_same_seed_gives_the_same_network_on_several_threads(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lines = np.stack([random.integers(40, size=12_000), random.integers(30, size=12_000)], axis=1)
    rows = [f"{user}\t{video}\t{1_600_000_000_000 + at}\t0\t0\t{user * video}\t1000\t0" for at, (user, video) in
            enumerate(lines.tolist())]  # fmt: skip
    (tmp_path / "log.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
    log = read(tmp_path)
    first, *others = (train(log, "gcn", "as exported", epochs=1).predict(log.parts.test) for _ in range(3))
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_the_tables_name_what_leaks_what_moves_and_what_is_found(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keakr_suite, "EPOCHS", 1)
    board = keakr_suite.run(network, ranker="item-knn", progress=silent)
    assert {row.model for row in board.rows} >= {"mean", "dense", "gcn", "graphconv", "gat", "item-knn, calibrated"}
    assert [one.weights for one in board.moved] == list(LABELS)
    assert board.moved[0].tau == pytest.approx(1.0)
    assert all(one.tau < 1.0 for one in board.moved[1:])
    assert all(0 <= one.far_hits <= one.hits for one in board.finds)
    assert board.judged > 0
    text = suite_keakr.markdown([board], "entourage evaluate --suite keakr")
    assert "as exported (leak)" in text
    assert "nobody within two steps had watched" in text
    assert "nothing is argued from it" in text
    assert "item-knn is fitted to the training lines alone" in text
    assert "with little effort. " in text
    assert "--budget reached" not in text
    suite_keakr.draw([board], tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_a_log_without_follows_joins_those_who_watch_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [HEADER]
    for at in range(400):
        user = int(random.integers(12))
        video = 2 * int(random.integers(8)) + user % 2
        rows.append(f"{user}\t{video}\t{1_600_000_000_000 + at}\t0\t0\t{random.integers(9_000)}\t8000\t1")
    rows.append("1\tno id\t1600000000000\t0\t0\t9\t8000\t1")
    (tmp_path / "log.tsv").write_text("\n".join(rows) + "\n")
    read_ = read(tmp_path)
    assert read_.left_out == 1
    social = read_.social(int(read_.lines.at[-1]) + 1).toarray()
    assert social.any()
    assert not social[::2, 1::2].any()
    assert (social == social.T).all()
    assert not read_.social(int(read_.lines.at[0])).toarray().any()


def test_without_follows_too_the_table_says_what_nobody_near_had_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two circles with videos of their own; towards the end each watches what only the other knew."""
    random = np.random.default_rng(0)
    rows = [HEADER]
    for at in range(600):
        user = int(random.integers(12))
        video = 2 * int(random.integers(8)) + (user + (at >= 560)) % 2
        rows.append(f"{user}\t{video}\t{1_600_000_000_000 + at}\t0\t0\t{random.integers(9_000)}\t8000\t1")
    (tmp_path / "log.tsv").write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(keakr_suite, "EPOCHS", 1)
    monkeypatch.setattr(keakr_suite, "_CONVOLUTIONS", ("dense",))
    monkeypatch.setattr(keakr_suite, "LABELS", {"as given": Engagement()})
    monkeypatch.setattr(keakr_suite, "_PAIRS", 40)  # two people at once
    board = keakr_suite.run(read(tmp_path), ranker="item-knn", progress=silent)
    (popular,) = [one for one in board.finds if one.model == "popularity"]
    assert popular.far_hits > 0.9 * popular.hits > 0
    text = suite_keakr.markdown([board], "entourage evaluate --suite keakr")
    assert "two steps are steps of it" in text
    assert "ten best of all contents" in text


def test_too_few_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "audiences.csv").write_text("users/1,keaks/2,2021-01-01T00:00:00Z,50,true,false,false\n")
    with pytest.raises(InputError, match="holds 1 audience lines with a time") as told:
        read(tmp_path)
    assert "100 or more" in told.value.do
    line = "users/1,keaks/2,{},{},,,\n"
    bad = "".join(line.format("2021-01-01T00:00:00Z", progress) for progress in ("50", "much", ""))
    (tmp_path / "audiences.csv").write_text(bad + "users/,keaks/2,2021-01-01T00:00:00Z,5,,,\n")
    with pytest.raises(InputError, match="holds 1 audience lines with a time and 3 that cannot be used"):
        read(tmp_path)
    (tmp_path / "audiences.csv").write_text("users/1,keaks/2,,50,true,false,false\n")
    with pytest.raises(InputError, match="holds 0 audience lines with a time and 1 that cannot be used"):
        read(tmp_path)


def test_kuairec_is_refused_because_its_small_matrix_never_trains(tmp_path: Path) -> None:
    rows = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n1,2,9,9,,,1593000000.0,1.0\n"
    for name in ("big_matrix.csv", "small_matrix.csv"):
        (tmp_path / name).write_text(rows)
    with pytest.raises(InputError, match=r"small_matrix\.csv"):
        read(tmp_path)


def test_the_command_prints_and_writes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keakr_suite, "EPOCHS", 1)
    generate(tmp_path / "in", DEMO.with_(users=60, keaks=40, beats=10, follows=200, audiences=900), 3, futures=0)
    command = "entourage evaluate --suite keakr --budget 0.001"
    suite_keakr.keakr(tmp_path / "in", Effort.QUICK, 0, tmp_path / "out", command, budget=0.001)
    shown = capsys.readouterr().out
    assert "pipeline is fitted to the training lines alone" in shown
    assert "with little effort (--budget reached)" in " ".join(shown.split())
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"leaderboard.md", "calibration.png"}
    assert "| pipeline, calibrated, --budget reached |" in (tmp_path / "out" / "leaderboard.md").read_text()
