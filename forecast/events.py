"""Probabilities of events, expected ranks and concentration: counted over the joint draws of a forecast.

An event is told against the origin, the last quarter that the model saw: A overtakes B when it was behind or level
there and is ahead later. All answers are conditional on what the forecast knew (`Forecast.as_of`).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument
from forecast.grammar import EVENTS, Asked, Form, Phrase, Sign, bad_quarter, is_share, read_phrase, read_quarter
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, level_name
from forecast.shown import Shown
from forecast.wording import (
    Source,
    check_quarter,
    exact_per_cent,
    find_provider,
    named,
    per_cent,
    probability_text,
    providers_named,
    read_share,
)

BoolArray = npt.NDArray[np.bool_]

ALREADY = "so already; how probable it is to be so then"
TOLERANCE = 1e-9  # within which two numbers are the same: shares that are given, or sums of them, are not exact


class When(StrEnum):
    """Which quarters an event is asked of."""

    IN = "in"  # that quarter
    BY = "by"  # at least one quarter from the first ahead up to that one
    THROUGH = "through"  # every quarter from the first ahead up to that one


@dataclass(frozen=True, slots=True)
class Statement(ABC):
    """What may hold of one quarter's composition."""

    @abstractmethod
    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """Of each composition in `shares`, shape (..., K), whether it holds; `latest`, (K,), is that of the origin."""

    @abstractmethod
    def __str__(self) -> str: ...

    def reference(self, latest: FloatArray, providers: Sequence[str], /) -> str:
        """What was so at the origin, in words."""
        return ", ".join(f"{name} {per_cent(latest[providers.index(name)])}" for name in self.concerned())

    def concerned(self) -> tuple[str, ...]:
        """The providers it speaks of by name."""
        return ()


@dataclass(frozen=True, slots=True)
class Overtakes(Statement):
    """One provider's share is above another's."""

    provider: str
    rival: str
    verb: str = field(default="overtakes", compare=False)  # or "is ahead of": how it was said

    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """As `Statement.holds`."""
        return np.asarray(shares[..., providers.index(self.provider)] > shares[..., providers.index(self.rival)])

    def __str__(self) -> str:
        return f"{self.provider} {self.verb} {self.rival}"

    def concerned(self) -> tuple[str, ...]:
        """Both."""
        return (self.provider, self.rival)


@dataclass(frozen=True, slots=True)
class Leads(Statement):
    """A provider's share is above every other's; `Others` is nobody's rival."""

    provider: str

    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """As `Statement.holds`."""
        mine = providers.index(self.provider)
        rivals = [k for k in named(providers) if k != mine]
        return np.asarray(shares[..., mine] > shares[..., rivals].max(axis=-1, initial=-1.0))

    def __str__(self) -> str:
        return f"{self.provider} leads"

    def concerned(self) -> tuple[str, ...]:
        """The one."""
        return (self.provider,)

    def reference(self, latest: FloatArray, providers: Sequence[str], /) -> str:
        """The provider's share and that of whoever is first beside it."""
        mine = providers.index(self.provider)
        rivals = [k for k in named(providers) if k != mine]
        names = [self.provider, *sorted(providers[k] for k in rivals if latest[k] == latest[rivals].max())[:1]]
        return ", ".join(f"{name} {per_cent(latest[providers.index(name)])}" for name in names)


@dataclass(frozen=True, slots=True)
class Limit(Statement):
    """The share of a provider, or the sum of several, is above or below a threshold, or at it at least or at most."""

    summed: tuple[str, ...]
    sign: Sign
    share: float  # fraction

    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """As `Statement.holds`."""
        total = shares[..., [providers.index(name) for name in self.summed]].sum(axis=-1)
        return compare(total, self.sign, self.share)

    def __str__(self) -> str:
        return f"{' + '.join(self.summed)} {self.sign} {exact_per_cent(self.share)}"

    def concerned(self) -> tuple[str, ...]:
        """Those summed."""
        return self.summed


def compare(values: FloatArray, sign: Sign, limit: float, /) -> BoolArray:
    """Of each value whether it is above, below, at least or at most a limit; within `TOLERANCE` it is at the limit."""
    match sign:
        case Sign.ABOVE:
            return np.asarray(values > limit + TOLERANCE)
        case Sign.AT_LEAST:
            return np.asarray(values >= limit - TOLERANCE)
        case Sign.BELOW:
            return np.asarray(values < limit - TOLERANCE)
        case Sign.AT_MOST:
            return np.asarray(values <= limit + TOLERANCE)


@dataclass(frozen=True, slots=True)
class TopChanges(Statement):
    """The set of the n largest providers, `Others` apart, is not that of the origin; their order does not count."""

    n: int

    def members(self, latest: FloatArray, providers: Sequence[str], /) -> tuple[str, ...]:
        """The n largest at the origin, largest first; of equals the first by name."""
        order = sorted(named(providers), key=lambda k: (-latest[k], providers[k]))
        return tuple(providers[k] for k in order[: self.n])

    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """As `Statement.holds`."""
        inside = [providers.index(name) for name in self.members(latest, providers)]
        outside = [k for k in named(providers) if k not in inside]
        return np.asarray(shares[..., inside].min(axis=-1) < shares[..., outside].max(axis=-1, initial=-1.0))

    def __str__(self) -> str:
        return f"top {self.n} changes"

    def reference(self, latest: FloatArray, providers: Sequence[str], /) -> str:
        """The n largest and their shares."""
        names = self.members(latest, providers)
        return ", ".join(f"{name} {per_cent(latest[providers.index(name)])}" for name in names)


@dataclass(frozen=True, slots=True)
class Concentrated(Statement):
    """The Herfindahl-Hirschman index of the named providers is above or below a threshold, or at it."""

    index: float  # in [0, 1]
    sign: Sign

    def holds(self, shares: FloatArray, latest: FloatArray, providers: Sequence[str], /) -> BoolArray:
        """As `Statement.holds`."""
        return compare(herfindahl(shares, providers), self.sign, self.index)

    def __str__(self) -> str:
        return f"HHI {self.sign} {self.index:.10g}"

    def reference(self, latest: FloatArray, providers: Sequence[str], /) -> str:
        """The index."""
        return f"HHI {herfindahl(latest, providers):.3f}"


@dataclass(frozen=True, slots=True)
class Event:
    """A statement and the quarters it is asked of."""

    statement: Statement
    when: When
    quarter: Quarter

    def __str__(self) -> str:
        return f"{self.statement} {self.when} {self.quarter}"

    def happens(self, forecast: Forecast, /) -> BoolArray:
        """Of each draw, shape (draw,), whether the event happens in it.

        Raises:
            InvalidArgument: the forecast has no draws, or does not reach the quarter.
        """
        draws, latest = drawn(forecast)
        check_quarter(self.quarter, forecast.periods, Source("event", str(self)))
        last = self.quarter - forecast.origin
        first = last - 1 if self.when is When.IN else 0
        found = self.statement.holds(draws[:, first:last], latest, forecast.providers)
        return np.asarray(found.all(axis=1) if self.when is When.THROUGH else found.any(axis=1))


@dataclass(frozen=True, slots=True, repr=False)
class EventProbability(Shown):
    """How probable an event is under a forecast."""

    event: Event
    probability: float  # share of the draws in which it happens
    standard_error: float  # of that share, for so many independent draws
    draws: int
    at_origin: bool  # the statement held at the origin: A was ahead already, the share was above already
    reference: str  # what was so at the origin, in words

    def __str__(self) -> str:
        already = f"; {ALREADY}" if self.at_origin else ""
        return f"{self.event}: {probability_text(self.probability, self.draws)} ({self.reference}{already})"


class EventProbabilities(Shown, tuple[EventProbability, ...]):
    """How probable several events are under one forecast, in the order asked."""

    __slots__ = ()

    def to_frame(self) -> pl.DataFrame:
        """One row per event: event, when, period, probability, standard_error, draws, at_origin, reference."""
        return events_frame(self)


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Ranks of the named providers of a forecast, K' of them; 1 is the largest share, equals share the mean rank."""

    providers: tuple[str, ...]  # K', without Others
    latest: FloatArray  # (K',), rank at the origin
    expected: FloatArray  # (H, K'), mean over the draws
    first: FloatArray  # (H, K'), probability of leading alone


@dataclass(frozen=True, slots=True, eq=False)
class Concentration:
    """Herfindahl-Hirschman index, the sum of squared shares, in [0, 1]; times 10,000 as authorities print it.

    `Others` is left out, as nobody knows how many it stands for: the index of the named providers is the least it can
    be, and exceeded by at most the square of what `Others` holds.
    """

    levels: tuple[float, ...]  # N, nominal
    latest: float  # at the origin
    mean: FloatArray  # (H,)
    median: FloatArray  # (H,)
    lower: FloatArray  # (N, H)
    upper: FloatArray  # (N, H)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class League(Shown):
    """Who is going to be where: ranks, leaders and concentration of H quarters."""

    market: str
    house: str
    origin: Quarter
    ranks: Ranks
    concentration: Concentration
    draws: int

    @property
    def periods(self) -> tuple[Quarter, ...]:
        """The quarters forecast."""
        return tuple(self.origin + h for h in range(1, len(self.concentration.mean) + 1))

    def to_frame(self) -> pl.DataFrame:
        """One row per quarter and named provider; the first quarter is the origin.

        Columns: market, period, provider, rank (expected), leads (probability of leading), then of the whole quarter
        hhi (mean) and ``hhi_lower_80, hhi_upper_80`` and so on.
        """
        order, index = self.ranks, self.concentration
        H, K = len(self.periods) + 1, len(order.providers)

        def each(first: float, later: FloatArray) -> FloatArray:
            return np.repeat([first, *later.tolist()], K)

        columns: dict[str, object] = {
            "market": [self.market] * (H * K),
            "period": [str(self.origin + h) for h in range(H) for _ in range(K)],
            "provider": list(order.providers) * H,
            "rank": np.concatenate([order.latest, order.expected.ravel()]),
            "leads": np.concatenate([(order.latest == 1.0).astype(np.float64), order.first.ravel()]),
            "hhi": each(index.latest, index.mean),
        }
        for n, level in enumerate(index.levels):
            columns[f"hhi_lower_{level_name(level)}"] = each(index.latest, index.lower[n])
            columns[f"hhi_upper_{level_name(level)}"] = each(index.latest, index.upper[n])
        return pl.DataFrame(columns)


def drawn(forecast: Forecast, /) -> tuple[FloatArray, FloatArray]:
    """The draws of a forecast, (draw, H, K), and the composition of its origin, (K,).

    Raises:
        InvalidArgument: it was made without.
    """
    if forecast.draws is None or forecast.latest is None:
        raise InvalidArgument("draws", None, "make the forecast with keep_draws=True", "were not kept")
    return forecast.draws, forecast.latest


def event_probability(forecast: Forecast, event: Event | Asked, /, *, field: str = "event") -> EventProbability:
    """The probability of an event under a forecast that kept its draws.

    Args:
        forecast: Made with ``keep_draws=True``.
        event: An event, or a text as `parse_event` reads it.
        field: What an error names as the place of the text.

    Raises:
        InvalidArgument: the forecast has no draws, the text says no event, or the event speaks of a provider or a
            quarter that the forecast does not have.

    >>> import forecast as sharecast
    >>> history = sharecast.reconstruct(sharecast.load_figures(), sharecast.load_breaks(), market="cn-cloud")
    >>> made = sharecast.forecast_history(history, keep_draws=True)
    >>> 0.9 < event_probability(made, "Alibaba leads in 2026Q4").probability <= 1.0
    True
    """
    draws, latest = drawn(forecast)
    if not isinstance(event, Event):
        event = parse_event(event, forecast.providers, forecast.periods, field=field)
    for name in event.statement.concerned():
        find_provider(name, forecast.providers, Source(field, str(event)))
    probability = float(event.happens(forecast).mean())
    return EventProbability(
        event,
        probability,
        float(np.sqrt(probability * (1.0 - probability) / len(draws))),
        len(draws),
        bool(event.statement.holds(latest, latest, forecast.providers)),
        f"{forecast.origin}: {event.statement.reference(latest, forecast.providers)}",
    )


def event_probabilities(
    forecast: Forecast, events: Sequence[Event | Asked], /, *, field: str = "events"
) -> EventProbabilities:
    """The probabilities of several events, as `event_probability` finds each.

    Args:
        forecast: Made with ``keep_draws=True``.
        events: Events, or texts as `parse_event` reads them; a text alone is one event.
        field: What an error names as the place, with the number of the event from 0.

    Raises:
        InvalidArgument: as `event_probability`.
    """
    asked = (events,) if isinstance(events, str) else events
    return EventProbabilities(event_probability(forecast, each, field=f"{field}[{n}]") for n, each in enumerate(asked))


def events_frame(found: Sequence[EventProbability], /) -> pl.DataFrame:
    """One row per event: event, when, period, probability, standard_error, draws, at_origin, reference."""
    return pl.DataFrame(
        {
            "event": [str(row.event) for row in found],
            "when": [str(row.event.when) for row in found],
            "period": [str(row.event.quarter) for row in found],
            "probability": [row.probability for row in found],
            "standard_error": [row.standard_error for row in found],
            "draws": [row.draws for row in found],
            "at_origin": [row.at_origin for row in found],
            "reference": [row.reference for row in found],
        },
        schema={
            **dict.fromkeys(("event", "when", "period"), pl.String),
            **dict.fromkeys(("probability", "standard_error"), pl.Float64),
            "draws": pl.Int64,
            "at_origin": pl.Boolean,
            "reference": pl.String,
        },
    )


def ranks(forecast: Forecast, /) -> Ranks:
    """Expected rank and probability of leading of every named provider in every quarter.

    Raises:
        InvalidArgument: the forecast has no draws.
    """
    draws, latest = drawn(forecast)
    places = named(forecast.providers)
    names = tuple(forecast.providers[k] for k in places)
    first = [Leads(name).holds(draws, latest, forecast.providers).mean(axis=0) for name in names]
    return Ranks(
        names,
        _rank(latest[places]),
        np.asarray(_rank(draws[..., places]).mean(axis=0)),
        np.stack(first, axis=-1) if first else np.zeros((forecast.horizon, 0)),
    )


def _rank(shares: FloatArray) -> FloatArray:
    found = np.empty_like(shares)
    for k in range(shares.shape[-1]):
        mine = shares[..., k : k + 1]
        found[..., k] = 0.5 + (shares > mine).sum(axis=-1) + 0.5 * (shares == mine).sum(axis=-1)
    return found


def herfindahl(shares: FloatArray, providers: Sequence[str], /) -> FloatArray:
    """The sum of squared shares of the named providers, (...), of compositions (..., K)."""
    return np.asarray(np.square(shares[..., named(providers)]).sum(axis=-1))


def concentration(forecast: Forecast, /) -> Concentration:
    """The Herfindahl-Hirschman index of every quarter, with intervals of the forecast's levels.

    Raises:
        InvalidArgument: the forecast has no draws.

    Source:
        Hirschman (1964), The Paternity of an Index.
    """
    draws, latest = drawn(forecast)
    index = herfindahl(draws, forecast.providers)
    levels = np.array(forecast.levels)
    return Concentration(
        forecast.levels,
        float(herfindahl(latest, forecast.providers)),
        np.asarray(index.mean(axis=0)),
        np.asarray(np.median(index, axis=0)),
        np.asarray(np.quantile(index, (1.0 - levels) / 2.0, axis=0)),
        np.asarray(np.quantile(index, (1.0 + levels) / 2.0, axis=0)),
    )


def league(forecast: Forecast, /) -> League:
    """Ranks, probabilities of leading and concentration of every quarter.

    Raises:
        InvalidArgument: the forecast has no draws.
    """
    return League(
        forecast.market,
        forecast.house,
        forecast.origin,
        ranks(forecast),
        concentration(forecast),
        len(drawn(forecast)[0]),
    )


def parse_event(text: Asked, providers: Sequence[str], periods: Sequence[Quarter], /, *, field: str = "event") -> Event:
    """Read an event as people write it.

    - ``A overtakes B``, also passes or beats; ``A > B``, also is ahead of, exceeds, leads; ``A < B``, also is behind
    - ``A leads``, also is first
    - ``A > 40 %``, also above, over, exceeds, passes, rises above; ``>=``, also at least, reaches; ``<``, also below,
      under, falls below, drops under; ``<=``, also at most; of a sum as ``A + B``
    - ``top 3 changes``
    - ``HHI > 0.25``: concentration; above one it is taken in points of 10,000

    each followed by ``in``, ``by`` or ``through`` and a quarter: 2026Q4, Q4 2026, 4Q26 or the end of 2026. Without a
    quarter: at any time up to the last. A share is 40 %, 40 per cent or 0.4. Names may be cut to their first words;
    case does not count.

    Args:
        text: The event.
        providers: K names of the forecast.
        periods: Its quarters.
        field: What an error names as the place.

    Raises:
        InvalidArgument: the text has none of these forms, or a part of it names no provider, no share, or a quarter
            outside the forecast.
    """
    return resolve_event(read_phrase(text, field, EVENTS), providers, periods)


def resolve_event(phrase: Phrase, providers: Sequence[str], periods: Sequence[Quarter], /) -> Event:
    """The event that a sentence says of a forecast.

    Raises:
        InvalidArgument: it speaks of a provider or a quarter that the forecast does not have.
    """
    when, quarter = When.BY, periods[-1]
    if phrase.quarter is not None:
        when, quarter = When(phrase.when), phrase.quarter
        check_quarter(quarter, periods, phrase.source)
    return Event(_statement(phrase, providers), when, quarter)


def _statement(phrase: Phrase, providers: Sequence[str]) -> Statement:
    match phrase.form:
        case Form.LEADS:
            name = _provider(phrase.subject, providers, phrase.source)
            if name == OTHERS:
                problem = f"{OTHERS} stands for many, so that it cannot lead"
                raise phrase.source.refuse(phrase.subject, problem, "name a provider", providers[0])
            return Leads(name)
        case Form.TOP:
            return _top(phrase, providers)
    concentration_meant = phrase.subject.casefold() == "hhi" and not providers_named(phrase.subject, providers)
    if concentration_meant and phrase.sign is not None:
        return Concentrated(_read_index(phrase.object, phrase.source), phrase.sign)
    return _comparison(phrase, providers)


def _top(phrase: Phrase, providers: Sequence[str]) -> TopChanges:
    most, said = len(named(providers)) - 1, phrase.object
    if not re.fullmatch(r"[0-9]{1,3}", said, re.ASCII) or not 1 <= int(said) <= most:
        problem = f"{said!r} is not a number of the largest that can change"
        raise phrase.source.refuse(said, problem, f"write 1 to {most}, as {most + 1} providers are named")
    return TopChanges(int(said))


def _comparison(phrase: Phrase, providers: Sequence[str]) -> Statement:
    """A comparison with a share or with another provider: whichever stands there."""
    source, sign, said = phrase.source, phrase.sign, phrase.object
    assert sign is not None  # of every comparison
    number = re.match("[.,]?[0-9]", said) is not None and not providers_named(said, providers)
    if is_share(said) or number:
        share = read_share(said, source)
        return Limit(_summed(phrase, providers), sign, share)
    rival = _provider(said, providers, source, or_else="share such as 40 %")
    provider = _provider(phrase.subject, providers, source)
    if provider == rival:
        problem = f"{provider} is compared with itself"
        raise source.refuse(said, problem, f"name a provider other than {provider}")
    if sign in (Sign.AT_LEAST, Sign.AT_MOST):
        problem = f"{sign} compares with a share, and {said!r} is a provider"
        raise source.refuse(said, problem, f"write {provider} {sign[0]} {rival}, or a share such as 40 %")
    ahead, behind = (provider, rival) if sign is Sign.ABOVE else (rival, provider)
    return Overtakes(ahead, behind, "overtakes" if phrase.overtakes else "is ahead of")


def _summed(phrase: Phrase, providers: Sequence[str]) -> tuple[str, ...]:
    """The providers whose sum is meant. A name may itself hold a plus, such as Disney+; then it is not a sum."""
    subject = phrase.subject
    parts = [subject] if providers_named(subject, providers) else re.split(r"\s\+\s", subject)
    if len(parts) == 1 and not providers_named(subject, providers):
        parts = subject.split("+")
    summed = tuple(_provider(part, providers, phrase.source) for part in parts)
    if len(set(summed)) < len(summed):
        raise phrase.source.refuse(subject, f"{subject!r} names a provider twice", "name each provider once in a sum")
    return summed


def _provider(text: str, providers: Sequence[str], source: Source, *, or_else: str = "") -> str:
    """As `find_provider`; where the words before a preposition are a name, what is wrong is what follows it."""
    if not providers_named(text, providers):
        before, preposition, after = re.fullmatch(r"(.*?)(?:\s+(in|by|through)\s+(.*))?", text).groups()  # type: ignore[union-attr]
        if preposition and providers_named(before, providers) and read_quarter(after) is None:
            raise bad_quarter(source, after)
    return find_provider(text, providers, source, or_else=or_else)


def _read_index(text: str, source: Source) -> float:
    number = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]*)?|\.[0-9]+|[0-9]{1,2},[0-9]{3})", text.strip(), re.ASCII)
    value = float("nan") if number is None else float(number[1].replace(",", ""))
    value = value / 10_000.0 if value > 1.0 else value
    if not 0.0 <= value <= 1.0:
        remedy = "write 0 to 1, such as 0.25, or points up to 10,000, such as 2500"
        raise source.refuse(text, f"{text!r} is no index of concentration", remedy, "0.25")
    return value
