"""A part of a large network for the suite ``keakr``: people, whom they follow, and what these people watched."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np

from evaluation.keakr_data import Network
from graph import schema
from recommenders.core.top_k import Ints

__all__ = ["PEOPLE", "sample"]

PEOPLE: Final = 10_000
"""Most people of a table. By hand: the networks walk over all people in every step, and the table has half an hour."""
_FOLLOWED: Final = 20
"""Of each person so many of those whom they follow are looked at, so that one with thousands is not all there is."""


def sample(network: Network, most: int = PEOPLE, seed: int = 0) -> Network:
    """The network of at most ``most`` people: some drawn at random, and those reached from them by follows.

    Their lines, the follows between them, and the contents that they watched; ``drawn_from`` says of how many people.
    What the counters of the export say stays. The network itself where it has no more people.
    """
    if network.users <= most:
        return network
    people = np.sort(_reached(network, most, np.random.default_rng(seed)))
    user_of = np.full(network.users, -1, dtype=np.int64)
    user_of[people] = np.arange(len(people))
    lines = network.lines.keep(user_of[network.lines.user] >= 0)
    contents, content = np.unique(lines.content, return_inverse=True)
    between = (user_of[network.follower] >= 0) & (user_of[network.followed] >= 0)
    makers = network.maker[contents]
    kept = {schema.USER: people, schema.CONTENT: contents}
    return replace(
        network,
        users=len(people),
        contents=len(contents),
        lines=replace(lines, user=user_of[lines.user], content=content.astype(np.int64)),
        follower=user_of[network.follower[between]],
        followed=user_of[network.followed[between]],
        since=network.since[between],
        maker=np.where(makers >= 0, user_of[makers], -1),
        statics={
            label: {name: values[kept[label]] for name, values in columns.items()}
            for label, columns in network.statics.items()
        },
        left_out=0,  # those of the whole say nothing of the part
        drawn_from=network.users,
    )


def _reached(network: Network, most: int, random: np.random.Generator) -> Ints:
    """People in the order in which they are reached, from one drawn at random to the next."""
    order = np.argsort(network.follower, kind="stable")
    followed = network.followed[order]
    starts = np.searchsorted(network.follower[order], np.arange(network.users + 1))
    there = np.zeros(network.users, dtype=bool)
    found: list[int] = []
    for start in random.permutation(network.users).tolist():
        waiting = deque([start])
        while waiting and len(found) < most:
            person = waiting.popleft()
            if there[person]:
                continue
            there[person] = True
            found.append(person)
            theirs = followed[starts[person] : starts[person + 1]]
            waiting.extend(random.permutation(theirs)[:_FOLLOWED].tolist())
        if len(found) == most:
            break
    return np.array(found, dtype=np.int64)
