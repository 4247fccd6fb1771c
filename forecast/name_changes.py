"""Declared changes of providers' names: one is called otherwise, or is part of another, from a quarter on.

A change is known from a day on, as everything else is. Renamed: both names are one series, under the new name, in
every quarter. Merged: from its quarter on the provider has nothing of its own, as what it has is part of the other; a
forecast sees the two as one series, with the shares from before added up.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Self, TypeAlias

from forecast.errors import InvalidArgument, NotFound
from forecast.quarter import Quarter

Kind: TypeAlias = Literal["renamed", "merged"]
KINDS: tuple[Kind, ...] = ("renamed", "merged")

NO_PROVIDER = r"^(Others|TOTAL|TOP[0-9]+)$|\|"
"""Matches what names no single provider: the rest, what stands for several, and names joined by ``|``."""
PROVIDER_ALLOWED = "the name of one provider, on one line: not Others, TOTAL or TOP3, and without |"
_PLAIN = r"[^\x00-\x1f\x7f]{1,200}"
_GRAMMAR = {
    "renamed": "OLD=NEW, or OLD=NEW@QUARTER, such as Cygnus=Swan@2023Q1",
    "merged": "PROVIDER=INTO@QUARTER, such as Cygnus=Acme@2023Q1",
}


@dataclass(frozen=True, slots=True)
class NameChange:
    """A provider that is called otherwise, or is part of another, from a quarter on.

    Raises:
        InvalidArgument: a name is that of no single provider, both are the same, the kind is none, or a merger has no
            quarter.
    """

    provider: str
    into: str
    kind: Kind
    period: Quarter | None = None  # the first quarter; None: not told, which only a renaming may leave open
    market: str = ""  # empty: every market that has the provider
    house: str = ""  # empty: every house
    published_at: date | None = None  # None: known on every day

    def __post_init__(self) -> None:
        for name in ("provider", "into"):
            value = getattr(self, name)
            if not value.strip() or re.fullmatch(_PLAIN, value) is None or re.search(NO_PROVIDER, value):
                raise InvalidArgument(name, value, PROVIDER_ALLOWED)
        for name in ("market", "house"):
            value = getattr(self, name)
            if value and re.fullmatch(_PLAIN, value) is None:
                raise InvalidArgument(name, value, "a name of 200 characters at most, on one line, or empty")
        if self.into == self.provider:
            raise InvalidArgument("into", self.into, "another name than that of the provider")
        if self.kind not in KINDS:
            raise InvalidArgument("kind", self.kind, f"one of {', '.join(KINDS)}")
        if self.kind == "merged" and self.period is None:
            raise InvalidArgument("period", "", "the first quarter of a merger, such as 2023Q1")

    def __str__(self) -> str:
        since = "" if self.period is None else f" from {self.period} on"
        if self.kind == "renamed":
            return f"{self.provider} is called {self.into}{since}"
        return f"{self.provider} is part of {self.into}{since}"


def parse_name_change(text: str, /, kind: Kind, field: str = "name_changes") -> NameChange:
    """Read ``Cygnus=Swan@2023Q1``; of a renaming, the quarter may be left out.

    Raises:
        InvalidArgument: the text is no such change.

    >>> str(parse_name_change("Cygnus=Swan", "renamed"))
    'Cygnus is called Swan'
    >>> str(parse_name_change("Cygnus = Acme @ 2023Q1", "merged"))
    'Cygnus is part of Acme from 2023Q1 on'
    """
    provider, equals, rest = text.partition("=")
    into, at, quarter = rest.rpartition("@") if "@" in rest else (rest, "", "")
    if not equals or (kind == "merged" and not at):
        raise InvalidArgument(field, text, _GRAMMAR[kind])
    try:
        period = Quarter.parse(quarter.strip()) if at else None
        return NameChange(provider.strip(), into.strip(), kind, period)
    except InvalidArgument as error:
        raise InvalidArgument(field, text, f"{_GRAMMAR[kind]}; {error}") from None


@dataclass(frozen=True, slots=True)
class Names:
    """The changes in force for one market and house, resolved.

    >>> merger = NameChange("Cygnus", "Acme", "merged", Quarter.parse("2023Q1"))
    >>> names = Names.known((merger, NameChange("Acme", "Acme Group", "renamed")), market="phones")
    >>> names.final("Acme"), names.final("Cygnus")
    ('Acme Group', 'Acme Group')
    >>> names.owner("Cygnus", Quarter.parse("2022Q4")), names.owner("Cygnus", Quarter.parse("2023Q1"))
    ('Cygnus', 'Acme Group')
    """

    changes: tuple[NameChange, ...] = ()  # one renaming and one merger at most of each provider
    renamed: Mapping[str, str] = field(default_factory=dict)  # to the newest name
    mergers: Mapping[str, tuple[str, Quarter]] = field(default_factory=dict)  # by newest name: into which, and since
    circular: tuple[NameChange, ...] = ()  # not followed, as later ones lead back from them to where they began

    @classmethod
    def known(cls, changes: Iterable[NameChange], *, market: str, house: str = "", as_of: date | None = None) -> Self:
        """Those that are known of a market and house on a day.

        Of several of one provider the last counts: one without a day after all that have one, one of the house after
        those of every house, one of a later day after those before, and else the later in the order given.

        Args:
            changes: Of any markets and houses.
            market: Name of the market.
            house: The house; empty: only what holds for every house.
            as_of: The day; None: all.
        """
        mine = [
            change
            for change in changes
            if change.market in ("", market)
            and change.house in ("", house)
            and (as_of is None or change.published_at is None or change.published_at <= as_of)
        ]
        if not mine:
            return cls()
        # sorting is stable, and so keeps the order given
        mine.sort(key=lambda c: (c.published_at is None, bool(c.house), c.published_at or date.max))
        last = {(change.provider, change.kind): change for change in mine}
        newest_first = [change for change in reversed(mine) if last[change.provider, change.kind] is change]
        followed: list[NameChange] = []
        next_name: dict[str, str] = {}
        for change in newest_first:
            if change.kind == "renamed" and _end(next_name, change.into) != change.provider:
                next_name[change.provider] = change.into
                followed.append(change)
        renamed = {name: _end(next_name, name) for name in next_name}
        into: dict[str, str] = {}
        mergers: dict[str, tuple[str, Quarter]] = {}
        for change in newest_first:
            name, other = (renamed.get(n, n) for n in (change.provider, change.into))
            if change.kind == "merged" and change.period is not None and name not in into and _end(into, other) != name:
                into[name] = other
                mergers[name] = (other, change.period)
                followed.append(change)
        kept = tuple(change for change in mine if any(change is one for one in followed))
        return cls(kept, renamed, mergers, tuple(one for one in reversed(newest_first) if one not in kept))

    def __bool__(self) -> bool:
        return bool(self.changes)

    def current(self, name: str, /) -> str:
        """The newest name of a provider."""
        return self.renamed.get(name, name)

    def owner(self, name: str, quarter: Quarter, /) -> str:
        """Whom a provider is part of in a quarter: itself, where it is on its own."""
        name = self.current(name)
        while (merger := self.mergers.get(name)) is not None and merger[1] <= quarter:
            name = merger[0]
        return name

    def final(self, name: str, /) -> str:
        """Whom a provider is part of in the end."""
        name = self.current(name)
        while (merger := self.mergers.get(name)) is not None:
            name = merger[0]
        return name

    def of(self, providers: Iterable[str], /) -> tuple[NameChange, ...]:
        """The changes that concern any of these providers, by their names before or after, or whom they are part of."""
        mine = set(providers)
        for name in tuple(mine):
            owner = self.current(name)
            mine.add(owner)
            while (merger := self.mergers.get(owner)) is not None:
                owner = merger[0]
                mine.add(owner)
        return tuple(change for change in self.changes if {change.provider, self.current(change.into)} & mine)

    def told(self, providers: Iterable[str], /) -> tuple[str, ...]:
        """The changes that concern any of these providers in words, and those that are not followed."""
        mine = frozenset(providers)
        ignored = (c for c in self.circular if {c.provider, c.into} & mine)
        return (
            *(f"as declared: {change}" for change in self.of(mine)),
            *(f"not followed, as later changes lead back to {c.provider}: {c}" for c in ignored),
        )


def check_declared(changes: Sequence[NameChange], /, providers: Iterable[str] | None = None) -> None:
    """Refuse changes that are asked together and cannot all hold, or that concern nobody.

    Args:
        changes: Those of a question, not those kept over time, which may lead back to an earlier name.
        providers: Names of the market that they are asked of; None: of several markets.

    Raises:
        InvalidArgument: renamings without a quarter or day lead in a circle.
        NotFound: a provider that is changed is none of the market, and no other change leads to it.
    """
    timeless = [c for c in changes if c.kind == "renamed" and c.period is None and c.published_at is None]
    for market in dict.fromkeys(change.market for change in timeless):
        following: dict[str, str] = {}
        for change in timeless:
            if change.market in ("", market):
                following.pop(change.provider, None)
                if _end(following, change.into) == change.provider:
                    raise InvalidArgument(
                        "name_changes",
                        str(change),
                        "keep the one to the name of today, or give each the quarter from which it holds",
                        f"lead in a circle: {'; '.join(str(one) for one in timeless)}",
                    )
                following[change.provider] = change.into
    if providers is not None:
        known = tuple(dict.fromkeys(providers))
        named = {*known, *(change.into for change in changes)}
        for change in changes:
            if change.provider not in named:
                raise NotFound("provider", change.provider, known)


def _end(following: Mapping[str, str], name: str) -> str:
    """The last name that a name leads to; following goes in no circle."""
    while name in following:
        name = following[name]
    return name


def for_market(changes: Sequence[NameChange], market: str, /) -> tuple[NameChange, ...]:
    """Those of a market and those of every market."""
    return tuple(change for change in changes if change.market in ("", market))
