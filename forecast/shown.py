"""What makes a result show itself, in a notebook and in a terminal. Light to import, as the client library needs it."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from forecast.errors import InvalidArgument

ChartFormat: TypeAlias = Literal["png", "svg", "html"]
CHART_FORMATS: tuple[str, ...] = get_args(ChartFormat)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A chart that is drawn when it is looked at; nothing global changes, and nothing stays open."""

    title: str  # what it shows, also for who cannot see it
    draw: Callable[[ChartFormat], bytes]  # the bytes of a file of that format

    def save(self, path: Path | str, /) -> Path:
        """Write it to a file; the ending says the format: .png, .svg or .html.

        Returns:
            The path.

        Raises:
            InvalidArgument: the ending is none of these.
            OSError: the file cannot be written.
        """
        place = Path(path)
        endings = {f".{name}": name for name in CHART_FORMATS}
        kind = endings.get(place.suffix.lower())
        if kind is None:
            allowed = f"give a file that ends in {', '.join(endings)}"
            raise InvalidArgument(str(path), place.suffix, allowed, "does not end as a chart does")
        place.write_bytes(self.draw(kind))  # type: ignore[arg-type]
        return place

    def _repr_html_(self) -> str:
        # An image, not SVG in the page: rules of style of one picture would reach into the others.
        data = b64encode(self.draw("svg")).decode()
        return (
            f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(self.title)}" '
            'style="display: block; width: 880px; max-width: 100%; height: auto;">'
        )

    def __repr__(self) -> str:
        return f"<Picture: {self.title}>"


class Shown:
    """A result that shows itself as a table, and that `plot` shows as a picture."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """One self-contained HTML fragment: a table with its caption, for light and dark pages."""
        html: str = _views().table_of(self).html()
        return html

    def __repr__(self) -> str:
        """The same table as text."""
        text: str = _views().table_of(self).text()
        return text

    def plot(self, *, title: str | None = None) -> Picture:
        """A picture, which a notebook shows and which can be saved; see `Picture`.

        Args:
            title: In place of the one made of what it is about.
        """
        picture: Picture = _views().picture_of(self, title)
        return picture


def _views() -> Any:  # noqa: ANN401  (a module)
    # By name and when asked for: views know the results, results know no view.
    return import_module("forecast.views")
