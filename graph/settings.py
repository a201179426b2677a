"""Settings: from the environment (``ENTOURAGE_*``, ``NEO4J_*``), then one TOML file, then the defaults below.

The TOML file is ``entourage.toml`` in the working folder, or the file that ``ENTOURAGE_CONFIG`` names;
``docs/entourage.toml`` is a commented example with every key. Nested keys are joined with two underscores in the
environment: ``ENTOURAGE_ENGAGEMENT__PROGRESS=0.5``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from graph.compiled import usual_cache
from graph.errors import SettingsError

__all__ = ["Composition", "Engagement", "FeedSource", "Player", "Service", "Settings", "load_settings"]

MediaHost = Annotated[str, Field(pattern=r"^https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?$")]
Weight = Annotated[float, Field(ge=0.0, le=1.0)]


class Engagement(BaseModel):
    """Weights of engagement, the label of all models; they must add up to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    progress: Weight = 0.55
    commented: Weight = 0.15
    shared: Weight = 0.20
    liked: Weight = 0.10

    @model_validator(mode="after")
    def _sums_to_one(self) -> Engagement:
        total = self.progress + self.commented + self.shared + self.liked
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"the engagement weights add up to {total:g}, not 1")
        return self


class Service(BaseModel):
    """Settings of ``entourage serve``: its address and its time limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """0 picks a free port."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    deadline_ms: Annotated[int, Field(ge=50, le=60_000)] = 1_000
    """No question takes longer than this."""
    events_ms: Annotated[int, Field(ge=0, le=60_000)] = 200
    """How long an answer to events waits for Neo4j to have them. What it does not have by then is ``waiting``."""
    model: str = "pipeline"
    """The trained model that the service answers with."""
    events_wait_h: Annotated[float, Field(ge=0.0, le=720.0)] = 24.0
    """How long an event waits for its person and content to come into the graph, in hours; then it is rejected."""
    rate_limit: str = "600 per minute"
    """Most requests of one client address, in the notation of flask-limiter; empty for no limit."""
    media_hosts: tuple[MediaHost, ...] = ()
    """Where the page may load audio from, such as https://media.example; nowhere else."""


FeedSource = Literal[
    "model", "new_contents", "followed_activity", "followed_makers", "co_watch", "same_beat", "same_genre",
    "same_hashtag", "trending", "fresh", "popular", "unwatched", "replays",
]  # fmt: skip


class Less(BaseModel):
    """Share of its worth that a content loses for having something in common with one of which somebody wants less."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    maker: Weight = 0.5
    """Share of its worth that a content loses for the same maker; 0 for nothing."""
    beat: Weight = 0.5
    genre: Weight = 0.25
    hashtag: Weight = 0.25
    half_life_days: Annotated[float, Field(gt=0.0)] = 30.0
    """Days after which a wish for less takes half as much."""


class Composition(BaseModel):
    """How feeds are composed: what each source weighs, and how far a feed is spread over makers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[FeedSource, Annotated[float, Field(ge=0.0, le=1_000.0)]] = {}
    """Weights of sources that differ from their own (recommend/sources.py); a source of weight 0 is not asked."""
    recommenders: dict[str, Annotated[float, Field(gt=0.0, allow_inf_nan=False)]] = {}
    """Trained models that feed the service's pages together, with the share of each in the model's weight."""
    most_of_maker: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2
    """Largest share of a feed by one maker as long as others are left, but two contents at least."""
    maker_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Factor for each further content of a maker; 1 for no decay."""
    maker_floor: Weight = 0.0
    """The least that such a factor becomes."""
    most_of_beat: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Largest share of a feed by keaks with one beat as long as others are left; 1 for all of it."""
    most_of_genre: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """The same for one genre, a content's own or that of its beat."""
    less: Less = Less()
    """Settings of "see less of this"."""
    mmr: Weight = 1.0
    """Weight of the score; the rest is for being unlike the contents above. 1 for the score alone."""
    new_makers: Weight = 0.0
    """Share of the places kept for contents of new makers, if any are proposed."""
    new_maker_watchers: Annotated[int, Field(ge=1)] = 100
    """A maker is new if all their contents together have fewer watchers."""
    replays: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2
    """Where a request asks for replays: their largest share of the feed, as long as others are left."""
    replay_engagement: Weight = 0.6
    """A content comes again if the engagement of its watch was at least this."""
    replay_days: Annotated[float, Field(ge=0.0)] = 14.0
    """It must also have been last watched at least so many days ago."""
    exploration: Weight = 0.0
    """Share of the places of a feed for contents drawn at random, with their propensity in a log in the home."""
    context: bool = False
    """Whether items carry a ``context`` for events to bring back also where the request has none."""


Arm = Literal["random", "sticky-artist", "item-item", "session"]


class Player(BaseModel):
    """What chooses the next track for whom, in the player that ``entourage serve`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arms: dict[Arm, Annotated[float, Field(ge=0.0, allow_inf_nan=False)]] = {"session": 1.0}
    """The share of users for each arm, in proportion to the others."""
    salt: str = "player"
    """Another salt gives users to arms anew."""
    arm: Arm | None = None
    """The arm for all users; None: ``arms`` decide."""

    @model_validator(mode="after")
    def _somebody(self) -> Player:
        if not sum(self.arms.values()) > 0.0:
            raise ValueError("the shares of the arms add up to nothing")
        return self


class Settings(BaseSettings):
    """All of Entourage's settings."""

    model_config = SettingsConfigDict(
        env_prefix="ENTOURAGE_", env_nested_delimiter="__", extra="forbid", frozen=True, populate_by_name=True
    )

    home: Path = Path(".entourage")
    """Where state lives: the local Neo4j, snapshots, models, quarantine files, logs."""
    cache: Path = Field(default_factory=usual_cache)
    """Where the Neo4j jars are kept, shared by every home on this machine."""

    neo4j_uri: str | None = Field(default=None, validation_alias=AliasChoices("NEO4J_URI", "neo4j_uri"))
    """None: the local server of ``entourage up``."""
    neo4j_user: str = Field(default="neo4j", validation_alias=AliasChoices("NEO4J_USER", "neo4j_user"))
    neo4j_password: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("NEO4J_PASSWORD", "neo4j_password")
    )
    neo4j_database: str = Field(default="neo4j", validation_alias=AliasChoices("NEO4J_DATABASE", "neo4j_database"))
    query_deadline_ms: Annotated[int, Field(ge=10)] = 1_000
    """The longest an online query may run on the server."""

    engagement: Engagement = Engagement()
    service: Service = Service()
    feed: Composition = Composition()
    player: Player = Player()

    @model_validator(mode="after")
    def _expand(self) -> Settings:
        object.__setattr__(self, "home", self.home.expanduser().absolute())
        object.__setattr__(self, "cache", self.cache.expanduser().absolute())
        return self

    @property
    def snapshot_path(self) -> Path:
        """Where ``entourage export`` writes and everything else reads."""
        return self.home / "snapshot"

    def model_path(self, name: str) -> Path:
        """The artifact folder of the model called ``name``."""
        return self.home / "models" / name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = Path(os.environ.get("ENTOURAGE_CONFIG", "entourage.toml"))
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=toml))


def load_settings(**overrides: object) -> Settings:
    """Read the settings once, at the door of a command or of the service.

    Raises SettingsError naming the key that cannot be used.
    """
    named = os.environ.get("ENTOURAGE_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError(f"ENTOURAGE_CONFIG names {named}, which is not a file.", do="Correct or unset it.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(
            f"The setting {key} cannot be used: {first['msg']}.",
            do="Correct it in the environment or in entourage.toml (docs/entourage.toml shows every key).",
        ) from error
    except ValueError as error:  # the TOML itself
        raise SettingsError(f"The settings file cannot be read: {error}.", do="It must be valid TOML.") from error


def environment(settings: Settings) -> dict[str, str]:
    """The environment that makes ``load_settings`` give ``settings`` in a child process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ENTOURAGE_", "NEO4J_"))}
    for name, value in settings.model_dump(mode="json").items():
        if value is None:
            continue
        secret = name == "neo4j_password" and settings.neo4j_password
        text = secret.get_secret_value() if secret else value if isinstance(value, str) else json.dumps(value)
        inherited[name.upper() if name.startswith("neo4j_") else f"ENTOURAGE_{name.upper()}"] = text
    return inherited
