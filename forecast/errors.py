"""The error tree of Sharecast: one class per different remedy.

SharecastError
├── InvalidArgument      change the argument named by `field`
├── InvalidTable         change the rows named by `violations`
├── NotFound             ask for one of `known`
├── NotEnoughData        give more quarters, or an earlier `as_of`
└── ModelFailed          choose another model
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


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
        field: Name of the argument as the caller wrote it, such as ``horizon``, or of a file.
        value: The value found.
        allowed: What would have been accepted, as a phrase; or what to do, where `problem` is given.
        problem: What is wrong, where "is VALUE" does not say it: what follows the field in a sentence, such as "does
            not exist".
    """

    def __init__(self, field: str, value: object, allowed: str, problem: str = "") -> None:
        self.field, self.value, self.allowed, self.problem = field, value, allowed, problem
        if problem:
            super().__init__(f"{field} {problem}" + (f"; {allowed}" if allowed else ""))
        else:
            super().__init__(f"{field} is {value!r}; allowed: {allowed}")

    def within(self, outer: str) -> "InvalidArgument":
        """The same fault of an argument that is a part of another one."""
        return InvalidArgument(f"{outer}.{self.field}", self.value, self.allowed, self.problem)


@dataclass(frozen=True, slots=True)
class RowViolation:
    """One row that broke one named rule."""

    rule: str  # the rule's name, such as "share_in_unit_interval"; for programs, not in the text
    row: int  # 1-based data row of the table as given, header not counted; 0 when the table as a whole is meant
    column: str
    value: str  # the value found, as text
    allowed: str  # what would have been accepted
    hint: str = ""  # what to do about it, as a sentence without its end
    sentence: str = ""  # all of it in words, where it is of several rows

    def __str__(self) -> str:
        return _violation_text((self.row,), self)


class InvalidTable(SharecastError):  # noqa: N818
    """A table broke one or more named rules.

    The same fault in many rows is one sentence, with the rows.

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
        sentences, told = violation_texts(violations, most=5)
        more = f"\n  and {self.total - told} more" if self.total > told else ""
        super().__init__(f"{table}: " + "\n  ".join(sentences) + more)


def violation_texts(violations: Sequence[RowViolation], /, *, most: int) -> tuple[list[str], int]:
    """Sentences about broken rows, one for each fault whichever rows have it; and how many violations they tell of.

    Args:
        violations: In row order.
        most: Sentences at most.
    """
    rows: dict[RowViolation, list[int]] = {}
    for found in violations:
        rows.setdefault(replace(found, row=0), []).append(found.row)
    told = list(rows.items())[:most]
    return [_violation_text(places, fault) for fault, places in told], sum(len(places) for _, places in told)


def _violation_text(rows: Sequence[int], fault: RowViolation) -> str:
    if fault.sentence:
        return fault.sentence
    place = f"{rows_text(rows)}: " if any(rows) else ""
    value = fault.value.rstrip(",")
    says = f"{fault.column} is {value}" if _CELL.match(value) else f"column {fault.column}: {value}"
    hint = f"; {fault.hint}" if fault.hint else ""
    return f"{place}{says}; expected {fault.allowed}{hint}"


_CELL = re.compile(r"['\"]|[-+]?[0-9.]+(e[-+]?[0-9]+)?$|(null|nan|-?inf)$")  # what a cell holds, not words about it
_MOST_RUNS = 6  # of row numbers in one sentence


def rows_text(rows: Sequence[int], /) -> str:
    """Numbers of rows as a short list.

    >>> rows_text([31]), rows_text([2, 3, 4, 7]), rows_text([1, 3])
    ('row 31', 'rows 2 to 4 and 7', 'rows 1 and 3')
    """
    runs: list[list[int]] = []
    for row in sorted(set(rows)):
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    shown = [f"{a} to {b}" if b > a + 1 else f"{a}, {b}" if b > a else str(a) for a, b in runs[:_MOST_RUNS]]
    left = sum(b - a + 1 for a, b in runs[_MOST_RUNS:])
    shown = ", ".join(shown).split(", ") + ([f"{left} more"] if left else [])
    if len(shown) == 1:
        return f"row{'s' if ' ' in shown[0] else ''} {shown[0]}"
    return f"rows {', '.join(shown[:-1])} and {shown[-1]}"


class NotFound(SharecastError):  # noqa: N818
    """A name is not known.

    Args:
        kind: ``market``, ``house``, ``model`` or ``provider``.
        name: The name asked for.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        self.kind, self.name, self.known = kind, name, known
        near = did_you_mean(name, known)
        super().__init__(f"{kind} {name!r} is not known; {near}{' ' if near else ''}known: {listed(known) or 'none'}")


_MOST_LISTED = 20  # names in one message


def listed(names: Sequence[str], /) -> str:
    """Names in a sentence, the first ones where there are many.

    >>> listed(["A", "B"]), listed([str(n) for n in range(22)])[-17:]
    ('A, B', '18, 19 and 2 more')
    """
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more


def did_you_mean(name: str, known: Sequence[str], /) -> str:
    """A question that names the known name which is near; empty where none is.

    >>> did_you_mean("cn-clod", ["cn-cloud", "phones"]), did_you_mean("mars", ["cn-cloud"])
    ('did you mean cn-cloud?', '')
    """
    near = nearest(name, known)
    return f"did you mean {near}?" if near else ""


def nearest(name: str, known: Sequence[str], /) -> str:
    """The known name that a misspelt one is likely to mean, case apart; empty where none is near.

    A name of several words may be meant by the first ones.
    """
    wanted = name.strip().casefold()
    keys: dict[str, str] = {}
    for each in known:
        words = each.casefold().split()
        for count in range(len(words), 0, -1):
            keys.setdefault(" ".join(words[:count]), each)
    found = difflib.get_close_matches(wanted, keys, n=1, cutoff=0.7)
    return keys[found[0]] if found else ""


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
        enough = f"at least {needed} {'is' if needed == 1 else 'are'} needed"
        super().__init__(f"market {market!r} has too few quarters with data{tail}: {found}, and {enough}")


class ModelFailed(SharecastError):  # noqa: N818
    """A model could not be fitted to this market.

    Args:
        model: Name of the model.
        reason: Why, for a person.
    """

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(f"model {model!r} could not be fitted: {reason}")
