"""``entourage import``: a folder of Keakr files, or plain pairs, into Neo4j."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from cli.progress import bars
from cli.terminal import make_console
from graph.database.driver import Graph
from graph.errors import GraphUnavailable, InputError, SettingsError
from graph.files.column_names import AUDIENCES, FOLLOWERS
from graph.files.kinds import Kind, recognise
from graph.files.options import NO_COLUMN, Options
from graph.files.quarantine import Column, FileReport, ImportReport
from graph.files.scale import SCALES
from graph.files.text import check_encoding
from graph.load.live import import_folder, import_pairs
from graph.settings import Settings, load_settings

__all__ = ["HOLDS", "check_options", "file_options", "import_"]

_console = make_console(soft_wrap=True)
HOLDS: Final = {
    Kind.KEAKR: "files of Keakr",
    Kind.PLAY_LOGS: "the logs of a player",
    Kind.PLAYLISTS: "playlists",
    Kind.WATCH_RATIOS: "watch ratios of KuaiRec or KuaiRand",
    Kind.ARTISTS: "artists and their listeners",
}
_CELL: Final = 40
"""Characters of a value in the preview."""


def import_(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Keakr files, a player's logs, playlists, watch ratios or artists (docs/files.md)."),
    ] = None,
    pairs: Annotated[Path | None, typer.Option(help="A file of user,item pairs instead of a folder.")] = None,
    friends: Annotated[Path | None, typer.Option(help="With --pairs: a file of user,friend pairs.")] = None,
    separator: Annotated[
        str | None, typer.Option(help="Between fields: one of , ; | :: tab space, or another.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Which column is which, by name or number: user=1,item=3,time=4; follower=…,friend=…. "
            "time=- leaves the time out; so with all but the ids."
        ),
    ] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of text files that are not UTF-8: latin-1, cp1252 …")
    ] = None,
    progress: Annotated[
        str | None,
        typer.Option(help="How progress is given: percent, fraction or seconds. Found from the column otherwise."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the same tables and exit code, and write nothing.")
    ] = False,
    kind: Annotated[
        Kind | None, typer.Option(help="What the folder holds; by default detected from its files.")
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Build a new local graph with Neo4j's bulk importer: fast, needs it stopped."),
    ] = False,
) -> None:
    """Load a folder of files, or plain pairs, into Neo4j. Running it twice changes nothing.

    Files may end in .gz, .zst or be .parquet. Rows that cannot be loaded go to a quarantine file with their reason.
    """
    if (folder is None) == (pairs is None):
        raise SettingsError("Name either a folder or --pairs FILE.", do="For example `entourage import data/`.")
    if kind and not folder:
        raise SettingsError("--kind goes with a folder.", do="Pairs have no kind.")
    if friends and not pairs:
        raise SettingsError("--friends goes with --pairs.", do="A folder brings its own followers.csv.")
    if offline and not folder:
        raise SettingsError("--offline imports a folder.", do="Leave --offline out: pairs are small enough.")
    options = file_options(separator, columns, header, encoding, progress, dry=dry_run)
    settings = load_settings()
    source = folder or pairs
    try:
        report = _import(folder, pairs, friends, kind, options, settings, offline=offline)
    except OSError as error:
        raise InputError(
            f"{error.filename or source} cannot be read or written: {error.strerror or error}.",
            do="Look at its rights, and at the room that is left.",
        ) from error
    _show(report)
    if dry_run:
        _console.print("This was a dry run: nothing was written.")
        if offline:
            _console.print("The import itself also looks whether the local graph is empty.")
        return
    then = "entourage up` and then `entourage export" if offline else "entourage export"
    _console.print(f"Next: `{then}` writes the snapshot that training and serving read.")


def _import(
    folder: Path | None,
    pairs: Path | None,
    friends: Path | None,
    kind: Kind | None,
    options: Options,
    settings: Settings,
    *,
    offline: bool,
) -> ImportReport:
    """Read, show and load; either a folder or pairs are given."""
    if folder:
        kind = kind or recognise(folder)
        check_options(kind, options)
        _console.print(f"Importing {escape(str(folder))} as {HOLDS[kind]} (--kind {kind.value}) …")
    else:
        _console.print(f"Importing {escape(str(pairs))} …")
    if offline and folder:
        from graph.load.bulk import import_offline

        with bars(_console) as bar:
            return import_offline(folder, settings, bar, options, _preview, kind)
    with _graph(settings, dry=options.dry) as graph, bars(_console) as bar:
        if folder:
            return import_folder(graph, folder, settings, bar, options, _preview, kind)
        assert pairs is not None
        return import_pairs(graph, pairs, friends, settings, bar, options, _preview)


@contextmanager
def _graph(settings: Settings, *, dry: bool) -> Iterator[Graph | None]:
    """Neo4j; None where it does not answer and nothing is to be written. Raises GraphUnavailable otherwise."""
    try:
        graph = Graph.connect(settings)
    except GraphUnavailable as down:
        if not dry:
            raise
        _console.print(
            f"[yellow]{escape(down.what)}[/] The dry run goes on as if the graph were empty: people, contents, "
            "durations and the progress scale that it may hold are not known."
        )
        yield None
        return
    with graph:
        yield graph


def file_options(
    separator: str | None,
    columns: str | None,
    header: bool | None,
    encoding: str | None,
    progress: str | None,
    *,
    dry: bool,
) -> Options:
    """The options of files. Raises SettingsError for one that cannot be."""
    check_encoding(encoding)
    if progress not in (None, *SCALES):
        raise SettingsError(f"There is no scale {progress!r}.", do=f"Choose one of {', '.join(SCALES)}.")
    separator = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}.get(separator or "", separator)
    if separator is not None and (not separator or set(separator) & {'"', "\n", "\r"}):
        raise SettingsError(
            "A separator is neither empty nor a quote nor a line end.", do="For example --separator ';'."
        )
    chosen: dict[str, str] = {}
    known = {**AUDIENCES.keys, **FOLLOWERS.keys}
    for part in columns.split(",") if columns else ():
        key, _, given = (piece.strip() for piece in part.partition("="))
        if key not in known or not given or key in chosen:
            raise SettingsError(
                f"--columns cannot read {part!r}.", do=f"Write KEY=NAME,KEY=NAME with keys of {', '.join(known)}."
            )
        for names in (AUDIENCES, FOLLOWERS):
            if given == NO_COLUMN and names.keys.get(key) in [*names.columns][:2]:
                raise SettingsError(
                    f"--columns leaves out {key}, which is needed.", do=f"Name its column, for example {key}=1."
                )
            if alike := [other for other in chosen if key in names.keys and names.keys.get(other) == names.keys[key]]:
                raise SettingsError(
                    f"--columns names two columns for one thing: {alike[0]} and {key} mean the same.",
                    do="Leave one of the two out.",
                )
        chosen[key] = given
    return Options(separator, header, chosen, encoding, progress, dry=dry)


def check_options(kind: Kind, options: Options) -> None:
    """Raise SettingsError for options that files of ``kind`` do not need, so that none is left unread."""
    given = {
        "--separator": options.separator,
        "--columns": options.columns,
        "--header": options.header,
        "--encoding": options.encoding,
        "--progress": options.progress,
    }
    unread = [name for name, value in given.items() if value not in (None, {})]
    if kind is not Kind.KEAKR and unread:
        raise SettingsError(
            f"{', '.join(unread)} cannot be given for {HOLDS[kind]}: these have one form, in UTF-8.",
            do="Leave it out; for files of Keakr, add --kind keakr.",
        )


def _preview(report: ImportReport) -> None:
    """Show what each file was taken for, before anything is loaded."""
    shown: list[list[Column]] = []
    alike: list[str] = []
    for file in report.files:
        if file.columns in shown:
            alike.append(file.file)
        elif file.columns:
            shown.append(file.columns)
            table = Table("column", "taken for", "first rows", title=_said(file), title_justify="left")
            for place, column in enumerate(file.columns):
                rows = [row[place] for row in file.preview if place < len(row)]
                taken = column.ours or "ignored"
                how = f" ({column.how})" if column.ours and column.how else ""
                table.add_row(escape(column.title), escape(taken + how), escape(" · ".join(map(_cell, rows))))
            _console.print(table)
        if not file.read:
            _console.print(f"{escape(file.file)} holds no rows.")
    if alike:
        others = f" and {len(alike) - 1:,} others" if len(alike) > 1 else ""
        _console.print(f"{escape(alike[0])}{others}: the same columns as above.")
    if report.ignored:
        _console.print(f"Not read: {escape(', '.join(report.ignored))}.")
    for found in report.scales:
        _console.print(f"{found.column} is read as [bold]{found.scale}[/]: {escape(found.why)}.")


def _cell(value: str) -> str:
    """The beginning of a value as one line that a terminal prints as it is."""
    return "".join(c if c.isprintable() else " " for c in value[:_CELL])


def _said(file: FileReport) -> str:
    """What was found about the layout of a file."""
    if file.separator is None:
        return escape(file.file)
    between = {"\t": "tab", " ": "space"}.get(file.separator, file.separator)
    comments = f", {file.comments:,} comment lines" if file.comments else ""
    return escape(f"{file.file}: separator {between}, {'a header' if file.header else 'no header'}{comments}")


def _show(report: ImportReport) -> None:
    names = "read", "loaded", "merged", "quarantined", "dangling", "unknown times"
    table = Table("file", *names, title="What became of the rows")
    for column in table.columns[1:]:
        column.justify = "right"
    for file in report.files:
        counts = file.read, file.loaded, file.merged, file.quarantined, file.dangling, file.untimed
        table.add_row(escape(file.file), *(f"{count:,}" for count in counts))
    _console.print(table)
    loaded = sum(report.nodes.values()), sum(report.relationships.values())
    _console.print(f"{loaded[0]:,} nodes and {loaded[1]:,} relationships in {report.seconds:.1f} s.")
    for note in report.notes:
        _console.print(f"[yellow]{escape(note)}[/]")
    if noted := sum(file.noted for file in report.files):
        _console.print(f"{noted:,} unreadable values were left out of rows that were loaded.")
    if any(file.reasons for file in report.files):
        why = Table("file", "what was wrong", "rows")
        for file in report.files:
            for reason, count in file.reasons.most_common(5):
                why.add_row(escape(file.file), escape(reason), f"{count:,}")
        _console.print(why)
    if report.quarantine:
        _console.print(f"[yellow]Rows that were not loaded, and why:[/] {escape(str(report.quarantine))}")
