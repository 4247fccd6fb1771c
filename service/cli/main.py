"""The command `sharecast`: its subcommands, each loaded when asked for, and what becomes of an error."""

import atexit
import errno
import gc
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from forecast.errors import SharecastError
from forecast.visible import visible

BAD_USAGE, UNFORESEEN, INTERRUPTED = 2, 70, 130

_COMMANDS = (
    "demo",
    "serve",
    "healthcheck",
    "markets",
    "figures",
    "history",
    "forecast",
    "diff",
    "read",
    "batch",
    "backtest",
    "report",
    "read",
    "import",
    "withdraw",
    "keys",
    "doctor",
)


class _Told(click.ClickException):
    """An error as a person reads it: nothing in its text commands the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class _Refused(_Told):
    """Something the user can put right."""

    exit_code = BAD_USAGE


class _Unforeseen(_Told):
    """A fault of ours."""

    exit_code = UNFORESEEN


@contextmanager
def _fit_for_a_terminal() -> Iterator[None]:
    """Have what Click says of wrong usage, which repeats what was typed, come as `visible` shows it."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message)  # final to type checkers, and still the place to mend
        raise


def _show_trace() -> None:
    click.echo(visible(traceback.format_exc()), err=True, nl=False)


class Commands(click.Group):
    """Subcommands by module: `service.cli.NAME` holds the command NAME, `import_` the command `import`."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  (as click's)
        """Run the command, whichever of the three streams it was started without."""
        _open_missing_streams()
        return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> click.Context:  # noqa: ANN401  (as click's)
        """Read the options that stand before the subcommand."""
        with _fit_for_a_terminal():
            return super().make_context(*args, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one subcommand."""
        if cmd_name not in _COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(import_module(f"service.cli.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; every error becomes one message and an exit status.

        2: bad usage, or a question or file that must change. 70: unforeseen. 130: Ctrl-C. 1: nobody reads the output.
        """
        try:
            with _fit_for_a_terminal():
                result: object = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except SharecastError as error:
            if ctx.params["debug"]:
                _show_trace()
            raise _Refused("\n".join((str(error), *getattr(error, "__notes__", ())))) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # click ends quietly
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _Refused(f"what there is to say could not be written: {error.strerror}") from error
            if ctx.params["debug"]:
                _show_trace()
                hint = ""
            else:
                hint = "\nThis should not happen. `sharecast --debug ...` shows where it did."
            raise _Unforeseen(f"{type(error).__name__}: {error}{hint}") from error
        return result


def _open_missing_streams() -> None:
    """Have what is read from and written to a stream that was closed at the start be nothing.

    Python has None in its place; and the next file that is opened, such as a database, would take its number, to which
    libraries and the processes started from here write.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # ascending: the lowest free number is taken first
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sharecast", message="%(prog)s %(version)s")  # looked up when asked for
@click.option("--debug", is_flag=True, help="Show where in the code an error arose.")
def main(debug: bool) -> None:
    """Forecast market shares from published figures, with joint uncertainty."""
    del debug  # read by `Commands.invoke`
    # What commands import is never garbage: looking for it takes a seventh of their start, and again at their end.
    gc.set_threshold(50_000, 20, 50)
    atexit.register(gc.freeze)


if __name__ == "__main__":
    main(prog_name="sharecast")
