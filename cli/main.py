"""The ``entourage`` command: each sub-command is a module of this folder.

A sub-command's module is imported only when it is called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import functools
import importlib
import importlib.metadata
import io
import os
import sys
import traceback
import warnings
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from cli.terminal import make_console
from graph.errors import EntourageError, InputError

__all__ = ["app", "main"]

#: Sub-command → its function and its line in the help, in the order in which a newcomer needs them.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("cli.demo:demo", "The whole path on a generated network: import, train, compare, serve."),
    "up": ("cli.server:up", "Start the local Neo4j."),
    "down": ("cli.server:down", "Stop the local Neo4j."),
    "status": ("cli.server:status", "Say what runs, where, and what the graph holds."),
    "generate": ("cli.generate:generate", "Write a synthetic network in the Keakr file formats."),
    "import": ("cli.import_:import_", "Load a folder of files, or plain pairs, into Neo4j."),
    "describe": ("cli.describe:describe", "Write a report of what a folder of files holds, as HTML and Markdown."),
    "export": ("cli.export:export", "Write the snapshot that training and serving read."),
    "train": ("cli.train:train", "Train a recommender on the snapshot."),
    "evaluate": ("cli.evaluate:evaluate", "Compare recommenders on a held-out part."),
    "tune": ("cli.tune:tune", "Search a model's settings on a validation part."),
    "recommend": ("cli.recommend:recommend", "Recommend to one user, or to all of them into a file."),
    "complete": ("cli.listening:complete", "Continue a list of tracks, or every list of a file."),
    "radio": ("cli.listening:radio", "Walk among similar tracks, starting from one."),
    "similar": ("cli.similar:similar", "Name what resembles a content, or an artist."),
    "history": ("cli.history:history", "What a user played, beside what is recommended."),
    "ab": ("cli.ab:ab", "Compare the treatments of A/B tests in play logs."),
    "serve": ("cli.serve:serve", "Run the HTTP service and its page."),
    "doctor": ("cli.doctor:doctor", "Check the installation, the graph and the models."),
    "backup": ("cli.backup:backup", "Write the local graph to one file."),
    "restore": ("cli.backup:restore", "Bring a backup back."),
    "upgrade": ("cli.upgrade:upgrade", "Bring a home and a graph of an older version up to date."),
}
#: These work on a home of any version; `demo` has a home of its own, which it checks itself.
_ANY_HOME: Final = frozenset({"demo", "up", "down", "status", "generate", "describe", "doctor", "backup", "upgrade"})

#: What may be wrong with a file or a disk, whatever the program does.
_OF_FILES: Final = frozenset({
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EEXIST, errno.EIO,
    errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
})  # fmt: skip

_errors = make_console(stderr=True)


class _LazyCommands(TyperGroup):
    """Lists the sub-commands of the table above and imports only the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        attributes["commands"] = {name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()}
        super().__init__(**attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the listed stub by the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _import(name) if name and command else command, rest


def _import(name: str) -> Any:
    module, function = COMMANDS[name][0].split(":")
    single = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False)
    single.command(name)(getattr(importlib.import_module(module), function))
    command = typer.main.get_command(single)
    if name not in _ANY_HOME:
        command.callback = _refusing_older_homes(command.callback)
    return command


def _refusing_older_homes(run: Any) -> Any:
    @functools.wraps(run)
    def checked(**arguments: Any) -> Any:
        from graph import home
        from graph.settings import load_settings

        home.check(load_settings())
        return run(**arguments)

    return checked


app = typer.Typer(
    cls=_LazyCommands,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def entourage(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Content recommended through the people around you.

    Start with [bold]entourage demo[/bold], or with [bold]entourage up[/bold] and [bold]entourage import FOLDER[/bold].
    """


def main() -> None:
    """Run the command line; an EntourageError ends in a message and its exit code, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be no text
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _warning
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"entourage {importlib.metadata.version('entourage')}")  # noqa: T201
        return
    debug = "--debug" in arguments  # accepted before and after the sub-command
    try:
        app(args=[a for a in arguments if a != "--debug"], prog_name="entourage")
    except EntourageError as error:
        if debug:
            traceback.print_exc()
        _errors.print(f"[bold red]Error:[/] {escape(error.what)}", soft_wrap=True)
        if error.do:
            _errors.print(f"  {escape(error.do)}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _errors.print("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has closed it: `entourage … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in _OF_FILES:
            _unexpected(error, debug)
        if debug:
            traceback.print_exc()
        what = f"{error.filename or 'A file'} cannot be read or written: {error.strerror}."
        _errors.print(f"[bold red]Error:[/] {escape(what)}", soft_wrap=True)
        _errors.print("  Look at its rights, at what stands in its place, and at the room that is left.")
        sys.exit(InputError.exit_code)
    except Exception as error:
        _unexpected(error, debug)


def _warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> str:
    """Print a warning without the line of code that raised it."""
    return f"{'Warning' if category is UserWarning else category.__name__}: {message}\n"


def _unexpected(error: Exception, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    name = type(error).__name__
    _errors.print(f"[bold red]Unexpected error:[/] {name}: {escape(str(error))}", soft_wrap=True)
    _errors.print("  This is a bug in Entourage. Run the command again with --debug and report what it prints.")
    sys.exit(70)
