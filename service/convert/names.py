"""Declared changes of providers' names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from forecast.errors import InvalidArgument
from forecast.name_changes import KINDS, Kind, NameChange
from forecast.quarter import Quarter
from service.convert.parts import date_text, quarter_text, read_date, read_quarter
from sharecast.v1 import name_change_pb2

MOST_NAME_CHANGES = 200  # of one request that imports nothing
COLUMNS = ("market", "house", "provider", "into", "kind", "period", "published_at")
"""The columns of a row that declares a change."""

_KINDS: dict[str, "name_change_pb2.NameChangeKind"] = {
    "renamed": name_change_pb2.NAME_CHANGE_KIND_RENAMED,
    "merged": name_change_pb2.NAME_CHANGE_KIND_MERGED,
}
KNOWN_KINDS = frozenset(_KINDS.values())
_KIND_NAMES = {number: name for name, number in _KINDS.items()}


def name_change_message(change: NameChange, /) -> name_change_pb2.NameChange:
    """Write a change."""
    return name_change_pb2.NameChange(
        market=change.market,
        house=change.house,
        provider=change.provider,
        into=change.into,
        kind=_KINDS[change.kind],
        period=quarter_text(change.period),
        published_at=date_text(change.published_at),
    )


def name_change_row(message: name_change_pb2.NameChange, /) -> dict[str, str | None]:
    """A change as a row of a table, by column; None where nothing is given."""
    cells = {name: getattr(message, name) or None for name in COLUMNS if name != "kind"}
    return cells | {"kind": _KIND_NAMES.get(message.kind)}


def row_message(row: Mapping[str, object], place: str, /) -> name_change_pb2.NameChange:
    """Write a row of a table of changes.

    Raises:
        InvalidArgument: a column there is not, a kind there is not, or a cell that the message cannot carry.
    """
    message = name_change_pb2.NameChange()
    for name, cell in row.items():
        if name not in COLUMNS:
            raise InvalidArgument(place, name, f"the columns {', '.join(COLUMNS)}")
        if cell is None:
            continue
        text = date.isoformat(cell) if isinstance(cell, date) else str(cell) if isinstance(cell, Quarter) else cell
        if not isinstance(text, str):
            raise InvalidArgument(f"{place}.{name}", cell, "a text, or None where nothing is given")
        if name == "kind":
            if text not in _KINDS:
                raise InvalidArgument(f"{place}.kind", text, f"one of {', '.join(KINDS)}")
            message.kind = _KINDS[text]
        else:
            setattr(message, name, text)
    return message


def read_name_change(message: name_change_pb2.NameChange, place: str = "name_change", /) -> NameChange:
    """Read a change.

    Raises:
        InvalidArgument: it is none; names the field after `place`.
    """
    kind: Kind | None = next((name for name in KINDS if _KINDS[name] == message.kind), None)
    if kind is None:
        raise InvalidArgument(f"{place}.kind", message.kind, "NAME_CHANGE_KIND_RENAMED or NAME_CHANGE_KIND_MERGED")
    try:
        return NameChange(
            provider=message.provider.strip(),
            into=message.into.strip(),
            kind=kind,
            period=read_quarter(message.period),
            market=message.market,
            house=message.house,
            published_at=read_date(message.published_at, "published_at"),
        )
    except InvalidArgument as error:
        raise InvalidArgument(f"{place}.{error.field}", error.value, error.allowed) from None


def read_name_changes(
    messages: Iterable[name_change_pb2.NameChange], field: str = "name_changes", /
) -> tuple[NameChange, ...]:
    """Read the changes of an import; raises as `read_name_change`."""
    return tuple(read_name_change(message, f"{field}[{number}]") for number, message in enumerate(messages))


def asked_name_changes(
    messages: Sequence[name_change_pb2.NameChange], field: str = "name_changes", /
) -> tuple[NameChange, ...]:
    """Read the changes of a question.

    Raises:
        InvalidArgument: there are too many, or one is none.
    """
    if len(messages) > MOST_NAME_CHANGES:
        raise InvalidArgument(field, f"{len(messages)} changes", f"{MOST_NAME_CHANGES} at most")
    return read_name_changes(messages, field)


def name_changes_of(given: "Iterable[NameChange | Mapping[str, object]]", /) -> tuple[NameChange, ...]:
    """Changes as a caller gives them, as values or as rows by column.

    Raises:
        InvalidArgument: one is none; names its place.
    """
    return tuple(
        one if isinstance(one, NameChange) else read_name_change(row_message(one, place), place)
        for place, one in ((f"name_changes[{number}]", one) for number, one in enumerate(given))
    )
