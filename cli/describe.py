"""``entourage describe``: what a folder of files holds, as a report to read before anything is imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.import_ import HOLDS, check_options, file_options
from cli.progress import bars
from cli.terminal import make_console
from graph import aside
from graph.errors import InputError, SettingsError
from graph.files import kinds
from graph.files.daily_features import all_days, daily_features
from graph.files.folder import file_name
from graph.files.kinds import Kind, recognise
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables, read_pairs
from graph.files.watch_ratios import DAILY, named_file
from graph.settings import load_settings

__all__ = ["describe"]

_console = make_console(soft_wrap=True)
_PAGE = "describe.html"


def describe(
    folder: Annotated[Path | None, typer.Argument(help="Whatever `entourage import` takes (docs/files.md).")] = None,
    pairs: Annotated[Path | None, typer.Option(help="A file of user,item pairs instead of a folder.")] = None,
    friends: Annotated[Path | None, typer.Option(help="With --pairs: a file of user,friend pairs.")] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="What the folder holds; by default detected from its files.")
    ] = None,
    separator: Annotated[str | None, typer.Option(help="Between fields, as for import.")] = None,
    columns: Annotated[str | None, typer.Option(help="Which column is which, as for import.")] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first row names the columns.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of text files that are not UTF-8.")] = None,
    progress: Annotated[str | None, typer.Option(help="How progress is given: percent, fraction or seconds.")] = None,
    positive: Annotated[
        float | None,
        typer.Option(min=0.0, help="A value above it is positive; by default 1 for ratios, .8 for shares."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write the features as CSV, not as Parquet.")] = False,
    out: Annotated[Path | None, typer.Option(help="New folder for the report; by default in the home folder.")] = None,
) -> None:
    """Describe what a folder holds in ten sections with tables and pictures. Neither a graph nor Neo4j is needed.

    Writes describe.html, one file that loads no other; describe.md with its pictures; and contents and users as
    tables: their features, and every column of their files that has a value.
    """
    source = folder or pairs
    if source is None or (folder and pairs) or (friends and not pairs) or (kind and not folder):
        raise SettingsError(
            "Name either a folder or --pairs FILE; --friends goes with --pairs, --kind with a folder.",
            do="For example `entourage describe data/`.",
        )
    settings = load_settings()
    where = out or settings.home / "describe" / (source.resolve().name or "root")
    _refuse_foreign(where)
    options = file_options(separator, columns, header, encoding, progress, dry=True)
    try:
        with bars(_console) as bar:
            if folder:
                kind = kind or recognise(folder)
                check_options(kind, options)
                tables, read = kinds.read(folder, kind, settings.home, None, bar, options)
            else:
                tables, read = read_pairs(source, friends, settings.home, None, bar, options)
        read.check()
        holds = HOLDS[kind] if kind else "pairs"
        _write(source, holds, tables, read, where, positive, csv=csv)
    except OSError as error:
        raise InputError(
            f"{error.filename or source} cannot be read or written: {error.strerror or error}.",
            do="Look at its rights, and at the room that is left.",
        ) from error
    _console.print(f"{escape(str(source))} was read as {holds}. The report: {escape(str(where / _PAGE))}")


def _write(
    source: Path, holds: str, tables: Tables, read: ImportReport, where: Path, positive: float | None, *, csv: bool
) -> None:
    from evaluation.describe import report  # matplotlib takes seconds to import

    file = named_file(source, DAILY) if source.is_dir() and DAILY in " ".join(read.ignored) else None
    daily = daily_features(file) if file else None
    if file:
        read = replace(read, ignored=[name for name in read.ignored if name != file.name])
    beside = {file.name: all_days(file)} if file else {}
    made = report.make(file_name(source.resolve()), holds, tables, read, positive=positive, daily=daily, beside=beside)
    with aside.folder(where) as fresh:
        report.write(made, fresh, "csv" if csv else "parquet")


def _refuse_foreign(where: Path) -> None:
    """Raise SettingsError for a folder that holds something else than a report: it would be replaced."""
    if where.exists() and not (where / _PAGE).is_file() and (not where.is_dir() or any(where.iterdir())):
        raise SettingsError(f"{where} is there and holds no report.", do="Name a new folder with --out.")
