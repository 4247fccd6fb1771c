"""Where a result goes: a table for people, or rows for programs; standard output or a file; and charts."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TextIO, cast

import click

from forecast.errors import InvalidArgument
from forecast.visible import visible
from service.cli.options import CHART_FORMATS
from service.files import check_writable, write_bytes
from service.settings import Settings
from service.tables import ENDINGS, Format, encode, format_of

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

PLAIN_WIDTH = 80  # of a table that goes into a file


@dataclass(frozen=True, slots=True)
class Target:
    """Where a result goes, checked before any work is done for it."""

    kind: Format | None  # None: a table for people
    output: Path | None  # None: standard output

    @classmethod
    def choose(cls, format_: str | None, output: Path | None) -> Self:
        """Settle the form from `--format` and the ending of `--output`.

        Raises:
            InvalidArgument: the two disagree, the ending stands for nothing, the place cannot be written, or Parquet
                would go to a terminal.
        """
        if output is not None:
            check_writable(output)
        if format_ is None:
            return cls(None if output is None else format_of(output), output)
        kind: Format | None = None if format_ == "table" else Format(format_)
        if output is None:
            if kind is Format.PARQUET and sys.stdout.isatty():
                raise InvalidArgument("format", "parquet", "table, json or csv on a terminal; or give --output PATH")
        elif ENDINGS.get(output.suffix.lower(), kind) is not kind:
            raise InvalidArgument("format", format_, f"what the ending of {str(output)!r} says, or another ending")
        return cls(kind, output)

    def write(self, rows: "pl.DataFrame", page: "Callable[[Console], None]") -> None:
        """Write the result: `rows` for programs, or what `page` prints for people."""
        if self.kind is None:
            _write_page(page, self.output)
        elif self.output is not None:
            write_bytes(encode(rows, self.kind), self.output)
        else:
            sys.stdout.buffer.write(encode(rows, self.kind))


def page_on(file: TextIO, *, no_color: bool, width: int | None = None) -> "Console":
    """What prints pages on a stream: no name in a table can command a terminal.

    Args:
        file: The stream.
        no_color: Whether nothing is coloured.
        width: Characters of a line; None: those of the terminal.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    class Plain(Console):
        """Text comes as `forecast.visible.visible` shows it; what Rich itself puts in for colour stays."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            shown = visible_text(renderable) if isinstance(renderable, Text) else renderable
            for segment in super().render(shown, options):
                # Of what was no Text; else nothing is left to do.
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def visible_text(text: Text) -> Text:
        if visible(text.plain) == text.plain:
            return text
        shown = text.blank_copy()
        for place, character in enumerate(text.plain):
            # One alone: a joiner that its neighbour asks for is judged with it.
            hidden = visible(text.plain[max(place - 1, 0) : place + 1])[-1] != character
            shown.append(visible(character)) if hidden else shown.append_text(text[place])
        return shown

    return Plain(file=file, no_color=no_color, width=width, highlight=False)


def _write_page(page: "Callable[[Console], None]", output: Path | None) -> None:
    no_color = Settings.from_environment().no_color
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal without dashes or accents gets a ? for them
        page(page_on(sys.stdout, no_color=no_color))
        return
    text = io.StringIO()
    page(page_on(text, no_color=True, width=PLAIN_WIDTH))
    write_bytes(text.getvalue().encode(), output)


def chart_format(path: Path, /) -> Literal["png", "svg", "html"]:
    """The chart format that a file's ending stands for, once it is known that the file can be written.

    Raises:
        InvalidArgument: the ending stands for none, or the place cannot be written.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending not in CHART_FORMATS:
        allowed = ", ".join(f".{name}" for name in CHART_FORMATS)
        raise InvalidArgument(str(path), ending, f"give a file that ends in {allowed}", "does not end as a chart does")
    check_writable(path)
    return cast("Literal['png', 'svg', 'html']", ending)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what is being done, where that takes more than two seconds; nothing of it stays there."""
    from service.batch.progress import Progress

    progress = Progress(sys.stderr, waiting=visible(what) if sys.stderr.isatty() else "")
    try:
        yield
    finally:
        progress.close()


def tell(message: str) -> None:
    """Say something to a person beside the result: on standard error, fit for a terminal."""
    click.echo(visible(message), err=True)


def say(message: str = "") -> None:
    """Say the result itself to a person: on standard output, fit for a terminal."""
    click.echo(visible(message))
