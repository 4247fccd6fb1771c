"""The error tree of Sharecast: one class per different remedy.

SharecastError
├── InvalidArgument      change the argument named by `field`
├── InvalidTable         change the rows named by `violations`
├── NotFound             ask for one of `known`
├── NotEnoughData        give more quarters, or an earlier `as_of`
└── ModelFailed          choose another model
"""

from dataclasses import dataclass


class SharecastError(Exception):
    """Base of every error that Sharecast raises on purpose; the message is fit for a person to read."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by fields: by default the message alone would be given to an `__init__` that takes fields."""
        return (_restored, (type(self), self.args, self.__dict__))


def _restored(kind: type[SharecastError], args: tuple[object, ...], fields: dict[str, object]) -> SharecastError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class InvalidArgument(SharecastError):  # noqa: N818  (names say the remedy, as gRPC's do)
    """An argument is outside what is allowed.

    Args:
        field: Name of the argument as the caller wrote it, such as ``horizon``.
        value: The value found.
        allowed: What would have been accepted, as a phrase.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field} is {value!r}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class RowViolation:
    """One row that broke one named rule."""

    rule: str  # the rule's name, such as "share_in_unit_interval"
    row: int  # 1-based data row of the table as given, header not counted; 0 when the table as a whole is meant
    column: str
    value: str  # the value found, as text
    allowed: str  # what would have been accepted
    sentence: str = ""  # all of it in words, where it is of several rows

    def __str__(self) -> str:
        if self.sentence:
            return self.sentence
        place = f"row {self.row}, " if self.row else ""
        return f"{place}column {self.column}: {self.value} breaks {self.rule}; allowed: {self.allowed}"


class InvalidTable(SharecastError):  # noqa: N818
    """A table broke one or more named rules.

    Args:
        table: What was read: a file name or "shares" / "figures".
        violations: The rows that broke a rule, in row order.
        total: How many rows broke a rule in all, when `violations` lists only the first ones.
        message: What is wrong in words, where that is all that is known.
    """

    def __init__(
        self, table: str, violations: tuple[RowViolation, ...], total: int | None = None, *, message: str = ""
    ) -> None:
        self.table, self.violations, self.total = table, violations, total or len(violations)
        if message:
            super().__init__(f"{table}: {message}")
            return
        shown = violations[:5]
        more = f"\n  and {self.total - len(shown)} more" if self.total > len(shown) else ""
        super().__init__(f"{table}: " + "\n  ".join(str(v) for v in shown) + more)


class NotFound(SharecastError):  # noqa: N818
    """A name is not known.

    Args:
        kind: ``market``, ``house``, ``model`` or ``provider``.
        name: The name asked for.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        self.kind, self.name, self.known = kind, name, known
        super().__init__(f"{kind} {name!r} is not known; known: {', '.join(known) or 'none'}")


class NotEnoughData(SharecastError):  # noqa: N818
    """A market has too few quarters to be forecast.

    Args:
        market: The market.
        found: Quarters found.
        needed: Quarters needed.
        detail: What limited them, such as "as of 2019-01-01".
    """

    def __init__(self, market: str, found: int, needed: int, detail: str = "") -> None:
        self.market, self.found, self.needed, self.detail = market, found, needed, detail
        tail = f" ({detail})" if detail else ""
        super().__init__(f"market {market!r} has {found} quarter(s) with shares{tail}; needed: at least {needed}")


class ModelFailed(SharecastError):  # noqa: N818
    """A model could not be fitted to this market.

    Args:
        model: Name of the model.
        reason: Why, for a person.
    """

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"model {model!r} could not be fitted: {reason}")
