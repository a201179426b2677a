"""``entourage complete`` and ``entourage radio``: continue lists of tracks, and walk among similar tracks."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from cli.latest_events import latest_events
from cli.terminal import make_console
from evaluation.track_map import draw
from graph import aside
from graph import snapshot as snapshots
from graph.errors import InputError, ModelError, SettingsError
from graph.settings import load_settings
from ranking import registry
from recommend.listening import INSTEAD, MODEL, Listening, Track
from recommenders.core.top_k import Floats, Mask

__all__ = ["complete", "open_listening", "radio"]

_console = make_console(soft_wrap=True)
_BATCH: Final = 1_000


def complete(
    tracks: Annotated[list[str] | None, typer.Argument(help="Ids or titles, in their order.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1000, help="Number of tracks to add.")] = 10,
    file: Annotated[Path | None, typer.Option(help='Lists instead: JSON lines, ["…", …] or {"tracks": [...]}.')] = None,
    out: Annotated[Path | None, typer.Option(help="With --file: where to write, one line a list.")] = None,
    model: Annotated[str, typer.Option(help="A trained model.")] = MODEL,
) -> None:
    """Continue a list of tracks, or every list of a file."""
    if bool(tracks) == bool(file):
        raise SettingsError("Name tracks, or --file FILE.", do='For example `entourage complete "One" "Two"`.')
    if bool(file) != bool(out):
        raise SettingsError("--file and --out go together.", do="Add --out more.jsonl.")
    listening = open_listening(model)
    if file and out:
        count = _complete_file(listening, file, out, n)
        _console.print(f"{count:,} lists continued by {model}, in {out}.")
        return
    ((more, unknown),) = listening.complete([tracks or []], n)
    table = Table("title", "artist", "id", "score", title=f"Next, by {model}")
    for track in more:
        table.add_row(
            escape(track.title or ""), escape(track.artist or ""), escape(track.content_id), f"{track.score:.3f}"
        )
    if more:
        _console.print(table)
    if unknown:
        _console.print(f"[yellow]Not in the snapshot, or not learned by {model}:[/] {escape(', '.join(unknown))}")
    if not more:
        raise ModelError(
            f"{model} knows nothing of this list.", do="Give ids or titles that stand in its lists, or another --model."
        )


def radio(
    seed: Annotated[str, typer.Option(help="Id or title of the first track.")],
    candidates: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of nearest tracks from which the next one is drawn.")
    ] = 5,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Tracks to play after the first.")] = 20,
    model: Annotated[str, typer.Option(help="A trained model.")] = MODEL,
    picture: Annotated[
        Path | None,
        typer.Option("--map", help="A PNG of all tracks' vectors and the walk; needs a model with vectors."),
    ] = None,
    dice: Annotated[
        int | None, typer.Option("--dice", help="Seed of the walk: the same number gives the same walk.")
    ] = None,
) -> None:
    """Walk among similar tracks, none twice. If some tracks have a preview, those without one are shown and skipped."""
    listening = open_listening(model)
    start = listening.find(seed)
    model_vectors = _vectors(listening) if picture else (np.empty((0, 0), np.float32), np.empty(0, np.bool_))
    _say(0, listening.track(start, skipped=listening.skips(start)))
    if not listening.learned(start):
        _console.print(
            f"[yellow]{model} did not learn this track:[/] the walk goes on with others of its artist, else of its "
            "title, else with popular ones."
        )
    if not listening.has_previews:
        _console.print("No track has a preview: none is skipped.")
    played, walked = 0, [start] if listening.learned(start) else []
    for number, why in listening.walk(start, candidates, random.Random(dice)):  # noqa: S311 (not for secrets)
        skipped = listening.skips(number)
        played += not skipped
        walked += [] if skipped else [number]
        _say(played, listening.track(number, skipped=skipped), INSTEAD.get(why))
        if played == steps:
            break
    else:
        _console.print("Nothing else is within reach.")
    if picture:
        names = [track.title or track.content_id for track in map(listening.track, walked)]
        draw(model_vectors[0], model_vectors[1], np.array(walked, dtype=np.int64), names, picture)
        _console.print(f"The map is in {picture}.")


def open_listening(model: str) -> Listening:
    """The exported snapshot with a trained model, and what the outbox says was taken down or came back since.

    Raises SnapshotError or ModelError where there is no snapshot or model, InputError where the outbox cannot be read.
    """
    settings = load_settings()
    snapshot = snapshots.load(settings.snapshot_path)
    with latest_events(settings) as recent:
        since = recent.outbox.changes.taken_down()
    return Listening(snapshot, registry.open_trained(model, settings, snapshot), lambda: since)


def _vectors(listening: Listening) -> tuple[Floats, Mask]:
    found = listening.model.content_vectors
    if found is None:
        raise SettingsError(f"{listening.model.name} has no vectors to draw.", do="Use --model track2vec.")
    known = listening.model.known_contents
    return found, np.ones(len(found), dtype=bool) if known is None else known


def _say(place: int, track: Track, why: str | None = None) -> None:
    by = f" by {track.artist}" if track.artist else ""
    name = escape(f"{track.title or track.content_id}{by}  ({track.content_id}{f', {why}' if why else ''})")
    if track.skipped:
        _console.print(f"[dim]   –  {name}: no preview, skipped[/]")
    else:
        _console.print(f"{place:4}  {name}" + (f"  {escape(track.preview)}" if track.preview else ""))


def _complete_file(listening: Listening, file: Path, out: Path, n: int) -> int:
    lists = []
    try:
        for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), 1):
            if line.strip():
                lists.append(_list(line, f"Line {number} of {file}"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Name a file of JSON lines.") from error
    with aside.file(out) as fresh, fresh.open("w", encoding="utf-8") as written:
        for start in range(0, len(lists), _BATCH):
            part = lists[start : start + _BATCH]
            for given, (more, unknown) in zip(part, listening.complete(part, n), strict=True):
                told = {"tracks": given, "more": [track.content_id for track in more], "unknown": unknown}
                written.write(json.dumps(told, ensure_ascii=False) + "\n")
    return len(lists)


def _list(line: str, where: str) -> list[str]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    found = found.get("tracks") if isinstance(found, dict) else found
    if not isinstance(found, list) or not all(_is_name(text) for text in found):
        raise InputError(f"{where} is no list of tracks.", do='Write ["tracks/1", "tracks/2"] on each line.')
    return [str(text) for text in found]


def _is_name(given: object) -> bool:
    """Whether it may be the id or the title of a track: text that can be written, or a number."""
    if isinstance(given, str):
        return not any("\ud800" <= character <= "\udfff" for character in given)
    return isinstance(given, int) and not isinstance(given, bool)
