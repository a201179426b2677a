"""Every recommender refuses settings that it cannot have, by their name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.train import train
from graph.errors import SettingsError
from ranking import registry
from tests import checkerboard


def wrong_values() -> list[tuple[str, str, Any]]:
    """For every recommender and every setting of its search a value of the wrong type and one out of range."""
    found: list[tuple[str, str, Any]] = []
    for name in registry.NAMES:
        for setting, values in registry.kind(name).space.items():
            found.append((name, setting, ["a", "list"]))
            if isinstance(values[0], str):
                found += [(name, setting, "magic"), (name, setting, 7)]
            else:
                found += [(name, setting, "much"), (name, setting, -1.5)]
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with the checkerboard exported into it."""
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path))
    checkerboard.snapshot().save(tmp_path / "snapshot")
    return tmp_path


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_setting_that_it_does_not_have_is_refused(name, home):
    with pytest.raises(SettingsError, match="depth_of_field"):
        registry.make(name, depth_of_field=3)
    with pytest.raises(SettingsError, match="depth_of_field"):
        train(model=name, setting=["depth_of_field=3"])
    assert not (home / "models").exists()


@pytest.mark.parametrize(("name", "setting", "value"), wrong_values())
def test_a_value_that_a_setting_cannot_have_is_refused(name, setting, value):
    with pytest.raises(SettingsError, match=setting):
        registry.make(name, **{setting: value})


@pytest.mark.parametrize(
    ("name", "setting", "value"), [case for case in wrong_values() if case[2] in ("much", "magic")]
)
def test_the_command_refuses_it_too_and_trains_nothing(name, setting, value, home):
    with pytest.raises(SettingsError, match=setting):
        train(model=name, setting=[f"{setting}={json.dumps(value)}"])
    assert not (home / "models").exists()


@pytest.mark.parametrize("name", registry.NAMES)
def test_all_that_a_search_tries_can_be_set_and_comes_back(name):
    for setting, values in registry.kind(name).space.items():
        for value in values:
            assert registry.make(name, **{setting: value}).settings[setting] == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("name", "setting"), [("ease", "regularisation"), ("als", "half_life"), ("gat", "temperature"), ("gat", "friends")]
)
def test_numbers_that_are_none_are_refused(name, setting, value):
    with pytest.raises(SettingsError, match=setting):
        registry.make(name, **{setting: value})


@pytest.mark.parametrize("name", registry.NAMES)
def test_settings_that_need_times_or_follows_are_among_those_that_are_searched(name):
    kind = registry.kind(name)
    assert kind.need_times | kind.need_follows <= kind.space.keys()
    assert {"half_life", "friends"} & kind.space.keys() <= kind.need_times | kind.need_follows
