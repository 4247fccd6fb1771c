"""What if: a forecast given what may come to be, every draw still a composition that meets it.

Two kinds of condition. One that the draws can tell of is conditioned on: a share at a value, a provider unchanged, an
event. A provider's other quarters follow a given share as its own draws do. The others divide what is left, moved some
way towards what the draws say of who gains and who loses. One that the model knows nothing of, a provider that leaves
or a newcomer, is a supposition: the other shares give or take in proportion.

Every condition comes back with how unlikely it is under the forecast, in words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import FloatArray
from forecast.draws import summarise
from forecast.errors import InvalidArgument, listed
from forecast.events import TOLERANCE, BoolArray, Event, drawn, event_probability, resolve_event
from forecast.grammar import CONDITIONS, EVENTS, Asked, Form, Phrase, read_phrase
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast
from forecast.shown import Shown
from forecast.wording import (
    Source,
    check_quarter,
    exact_per_cent,
    find_provider,
    per_cent,
    probability_text,
    read_share,
)

NEWCOMER = "New provider"
FEWEST_DRAWS = 20  # in which an event must happen to be conditioned on: fewer say little of what goes with it
# How far the others' answer to given shares is shrunk towards proportion, as correlations of a short history are
# overstated. Chosen on real markets: given the leader's share a year ahead, the others have a weighted interval score
# of 1.101 points without the condition, 1.002 scaled by hand, and 0.998, 0.992, 0.988, 0.990 with 0.25, 0.5, 0.75, 1.
# See ``tests/bench/conditions.py``.
PROPORTIONAL = 0.75
_NULL = 1e-10  # relative variance of a direction in which the given shares do not vary


@dataclass(frozen=True, slots=True)
class Pinned:
    """A provider's share is given in some quarters."""

    provider: str
    share: float  # fraction
    quarters: tuple[Quarter, ...]  # consecutive
    unchanged: bool = False  # the value is that of the origin

    def __str__(self) -> str:
        when = f"in {self.quarters[0]}" if len(self.quarters) == 1 else f"through {self.quarters[-1]}"
        value = "unchanged" if self.unchanged else f"= {exact_per_cent(self.share)}"
        return f"{self.provider} {value} {when}"


@dataclass(frozen=True, slots=True)
class Leaves:
    """A provider has nothing from a quarter on; the others take its share in proportion to their own."""

    provider: str
    quarter: Quarter

    def __str__(self) -> str:
        return f"{self.provider} leaves from {self.quarter}"


@dataclass(frozen=True, slots=True)
class Enters:
    """A provider that was not there has a share from a quarter on, taken from all in proportion."""

    provider: str
    share: float  # fraction
    quarter: Quarter

    def __str__(self) -> str:
        who = "a new provider" if self.provider == NEWCOMER else f"new provider {self.provider}"
        return f"{who} takes {exact_per_cent(self.share)} in proportion from {self.quarter}"


Condition = Pinned | Leaves | Enters | Event


@dataclass(frozen=True, slots=True)
class Plausibility:
    """How a condition stands to the forecast without it."""

    condition: Condition
    # How likely something at least so far out, or the event, is under the forecast; None: it knows nothing of such.
    probability: float | None
    statement: str  # the same in words

    def __str__(self) -> str:
        return f"{self.condition}: {self.statement}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conditioned(Shown):
    """A forecast given conditions."""

    forecast: Forecast  # with draws, each a composition that meets every condition
    plausibility: tuple[Plausibility, ...]  # of each condition
    # How likely shares at least so far out as all that are given, together; None where fewer than two are.
    together: float | None
    effective_draws: int  # draws in which the events that are given happen
    draws: int  # of the forecast


def condition_forecast(
    forecast: Forecast, conditions: Sequence[Condition | Asked], /, *, proportional: float = PROPORTIONAL
) -> Conditioned:
    """The forecast given conditions on its future.

    Given shares are met to within `TOLERANCE` in every draw, and events happen in every draw. The intervals of the
    result are those of its draws; how often they hold was not measured.

    Args:
        forecast: Made with ``keep_draws=True``.
        conditions: Conditions, or texts as `parse_conditions` reads them.
        proportional: In [0, 1]: how the others answer to given shares. At 0 as the draws' own correlations say, which
            is exact where draws are Gaussian and narrow; at 1 in proportion to their shares, whoever it is that gains.

    Raises:
        InvalidArgument: `proportional` is not in [0, 1]; the forecast has no draws; a text says no condition;
            conditions contradict each other, such as shares of a quarter that sum to more than one; or an event happens
            in fewer than 20 draws.

    Source:
        Beaumont, Zhang & Balding (2002), Approximate Bayesian computation in population genetics, for the adjustment of
        draws by regression; Blum & Francois (2010), Non-linear regression models for approximate Bayesian computation,
        for that of their width.

    >>> import forecast as sharecast
    >>> history = sharecast.reconstruct(sharecast.load_figures(), sharecast.load_breaks(), market="cn-cloud")
    >>> made = sharecast.forecast_history(history, keep_draws=True)
    >>> given = condition_forecast(made, ["Huawei = 20 % in 2026Q4"])
    >>> given.forecast.mean[3, made.providers.index("Huawei Cloud")].round(6).item()
    0.2
    """
    if not 0.0 <= proportional <= 1.0:
        raise InvalidArgument("proportional", proportional, "0 to 1")
    drawn(forecast)
    asked = _read(conditions, forecast, "conditions")
    supposed = _suppose(forecast, asked)
    draws, latest = drawn(supposed)
    given = _given(supposed, asked)
    plausibility = tuple(_plausibility(forecast, supposed, condition) for condition in asked)
    moved = _move(draws, given, proportional)
    happens = np.ones(len(draws), dtype=bool)
    for number, condition in enumerate(asked):
        if isinstance(condition, Event):
            happens &= condition.happens(replace(supposed, draws=moved))
            if happens.sum() < FEWEST_DRAWS:
                source = Source(f"conditions[{number}]", str(condition))
                beside = " beside the other conditions" if len(asked) > 1 else ""
                problem = f"it happens in {int(happens.sum())} of {len(draws):,} draws{beside}"
                raise source.refuse(
                    source.text, problem, f"at least {FEWEST_DRAWS} are needed to say what goes with it"
                )
    kept = moved[happens]
    summary = summarise(kept, forecast.levels)
    made = forecast.provenance
    together = _together(draws, supposed, asked)
    notes = [*made.notes, *(f"given that {line}" for line in plausibility)]
    if together is not None:
        said = probability_text(together, len(draws))
        notes.append(f"the given shares together: as far out or further with a probability of {said}")
    if len(kept) < len(draws):
        notes.append(f"given all that, the answer rests on {len(kept):,} of {len(draws):,} draws")
    return Conditioned(
        replace(
            supposed,
            mean=summary.mean,
            median=summary.median,
            lower=summary.lower,
            upper=summary.upper,
            draws=kept,
            latest=latest,
            given=(*forecast.given, *(str(condition) for condition in asked)),
            provenance=replace(made, measured_coverage=(), notes=tuple(notes)),
        ),
        plausibility,
        together,
        len(kept),
        len(draws),
    )


def _suppose(forecast: Forecast, conditions: Sequence[Condition]) -> Forecast:
    """The forecast with newcomers and without those who leave, all else in proportion."""
    # Newcomers last, so that what others leave is not theirs.
    for condition in sorted(conditions, key=lambda condition: isinstance(condition, Enters)):
        draws, latest = drawn(forecast)
        if isinstance(condition, Enters):
            # Others stays last.
            place = len(forecast.providers) - (forecast.providers[-1] == OTHERS)
            first = condition.quarter - forecast.origin - 1
            share = np.zeros(forecast.horizon)
            share[first:] = condition.share
            names = (*forecast.providers[:place], condition.provider, *forecast.providers[place:])
            wider = np.insert(draws * (1.0 - share[:, None]), place, np.broadcast_to(share, draws.shape[:2]), axis=2)
            forecast = replace(forecast, providers=names, draws=wider, latest=np.insert(latest, place, 0.0))
        elif isinstance(condition, Leaves):
            mine = forecast.providers.index(condition.provider)
            first = condition.quarter - forecast.origin - 1
            left = draws.copy()
            left[:, first:, mine] = 0.0
            # A draw in which nobody else has anything takes the usual proportions.
            nobody = left[:, first:].sum(axis=2) <= TOLERANCE
            usual = left[:, first:].mean(axis=0)
            left[:, first:][nobody] = np.broadcast_to(usual, left[:, first:].shape)[nobody]
            total = left[:, first:].sum(axis=2, keepdims=True)
            left[:, first:] /= np.where(total > 0.0, total, 1.0)  # of nobody at all: refused in what follows
            forecast = replace(forecast, draws=left)
    return forecast


def _given(forecast: Forecast, conditions: Sequence[Condition]) -> FloatArray:
    """Shape (H, K): the shares that are given, NaN elsewhere.

    Raises:
        InvalidArgument: two conditions give a share two values, or the given shares of a quarter cannot sum to one.
    """
    given = np.full((forecast.horizon, len(forecast.providers)), np.nan)
    for number, condition in enumerate(conditions):
        match condition:
            case Pinned(provider, share, quarters):
                rows = [quarter - forecast.origin - 1 for quarter in quarters]
                values = [share] * len(rows)
            case Leaves(provider, quarter):
                rows = list(range(quarter - forecast.origin - 1, forecast.horizon))
                values = [0.0] * len(rows)
            case Enters(provider, share, quarter):
                rows = list(range(forecast.horizon))
                values = [share if row >= quarter - forecast.origin - 1 else 0.0 for row in rows]
            case _:
                continue
        k = forecast.providers.index(provider)
        for row, value in zip(rows, values, strict=True):
            if abs(given[row, k] - value) > TOLERANCE:  # NaN, where nothing was given yet, is not above
                source = Source(f"conditions[{number}]", str(condition))
                quarter = forecast.origin + row + 1
                problem = f"another condition gives {provider} {per_cent(given[row, k])} in {quarter}"
                raise source.refuse(source.text, problem, "give each share one value")
            given[row, k] = value
    sums, whole = np.nansum(given, axis=1), np.isfinite(given).all(axis=1)
    for row in range(forecast.horizon):
        if sums[row] > 1.0 + TOLERANCE or (whole[row] and abs(sums[row] - 1.0) > TOLERANCE):
            quarter, needed = forecast.origin + row + 1, "100 %" if whole[row] else "100 % at most"
            problem = f"give shares that sum to {per_cent(sums[row])} in {quarter}"
            raise InvalidArgument("conditions", per_cent(sums[row]), f"they have to sum to {needed}", problem)
    return given


def _move(draws: FloatArray, given: FloatArray, proportional: float) -> FloatArray:
    """Draws moved onto the given shares, (n, H, K).

    The quarters of a provider before and after one in which its share is given follow its own draws. The others divide
    what is left as they did, moved towards what the draws say of who gains and who loses.
    """
    fixed = np.isfinite(given)
    if not fixed.any():
        return draws
    z = draws[:, fixed]
    centred = z - z.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(z))
    real = values > max(_NULL * values.max(), 1e-18)
    whiten = vectors[:, real] / np.sqrt(values[real])
    at, target = centred @ whiten, (given[fixed] - z.mean(axis=0)) @ whiten
    mine = np.asarray(fixed.any(axis=0))
    others = np.maximum(draws[:, :, ~mine], 0.0)
    total = others.sum(axis=2, keepdims=True)
    parts = np.where(total > TOLERANCE, others, others.mean(axis=0)) / np.where(total > TOLERANCE, total, 1.0)
    moved = np.empty_like(draws)
    moved[:, :, mine] = _answered(draws[:, :, mine], at, target, 1.0)
    moved[:, :, ~mine] = _answered(parts, at, target, 1.0 - proportional)
    return _filled(np.maximum(moved, 0.0), draws, given, mine)


def _answered(shares: FloatArray, at: FloatArray, target: FloatArray, trust: float) -> FloatArray:
    """Shares (n, H, P) given that the draws' standardised places, (n, m), were all at a target, (m,).

    A linear regression whose slope is trusted so far only. With it whole this is the conditional distribution of
    Gaussian draws; where draws far out are wide ones, as of a t distribution, what is given far out is wide as well.
    """
    n, m = at.shape
    if not m or not shares.shape[2]:
        return shares
    flat = shares.reshape(n, -1)
    middle = flat.mean(axis=0)
    slope = at.T @ (flat - middle) / n
    left = flat - middle - trust**2 * (at @ slope)
    return np.asarray((middle + trust * (target @ slope) + _wider(left, at, target) * left).reshape(shares.shape))


def _wider(left: FloatArray, at: FloatArray, target: FloatArray) -> float:
    """By which factor residuals, (n, c), are wider at a target than on average: the regression of their squares.

    At least one: that a condition is an ordinary one does not make the rest surer. Measured, it does not.
    """
    variance = np.square(left).mean(axis=0)
    varies = variance > _NULL * max(variance.max(), _NULL)
    if not varies.any():
        return 1.0
    size = (np.square(left[:, varies]) / variance[varies]).mean(axis=1)
    away = np.square(at).mean(axis=1)
    counts = away <= np.quantile(away, 0.995)  # the few outermost draws would decide alone
    centred = away[counts] - away[counts].mean()
    rise = max(float(centred @ size[counts] / max(centred @ centred, _NULL)), 0.0)
    found = size[counts].mean() + rise * (float(np.square(target).mean()) - away[counts].mean())
    return float(np.sqrt(max(found, 1.0)))


def _filled(moved: FloatArray, draws: FloatArray, given: FloatArray, mine: BoolArray) -> FloatArray:
    """Given shares exactly, what moved with them beside them, and the others in what is left."""
    fixed = np.isfinite(given)
    rest = np.maximum(1.0 - np.nansum(given, axis=1), 0.0)[:, None]
    own = np.where(fixed | ~mine, 0.0, moved)
    total = own.sum(axis=2, keepdims=True)
    # With nobody else, what is not given takes all that is left; beside others, that at most.
    nobody = np.asarray((fixed | mine).all(axis=1))[:, None] & (total <= TOLERANCE)
    for fallback in (draws, draws.mean(axis=0), np.ones(given.shape)):
        own = np.where(nobody & (total <= TOLERANCE), np.where(fixed | ~mine, 0.0, fallback), own)
        total = own.sum(axis=2, keepdims=True)
    whole = np.asarray((fixed | mine).all(axis=1))[:, None] | (total > rest)
    own = np.where(whole, own * (rest / np.where(total > 0.0, total, 1.0)), own)
    free = np.where(mine, 0.0, moved)
    for fallback in (draws, draws.mean(axis=0), np.ones(given.shape)):
        empty = free.sum(axis=2, keepdims=True) <= TOLERANCE
        free = np.where(empty, np.where(mine, 0.0, fallback), free)
    total = free.sum(axis=2, keepdims=True)
    left = np.maximum(rest - own.sum(axis=2, keepdims=True), 0.0)
    return np.where(fixed, np.nan_to_num(given), own + free * (left / np.where(total > 0.0, total, 1.0)))


def _plausibility(forecast: Forecast, supposed: Forecast, condition: Condition) -> Plausibility:
    draws, _ = drawn(supposed)
    n = len(draws)
    match condition:
        case Event():
            p = event_probability(supposed, condition).probability
            return Plausibility(condition, p, f"the forecast gives it {probability_text(p, n)}")
        case Enters():
            return Plausibility(condition, None, "a supposition; the model knows nothing of newcomers")
        case Leaves(provider, quarter):
            before, _ = drawn(forecast)
            share = before[:, quarter - forecast.origin - 1, forecast.providers.index(provider)]
            p = float((share <= max(forecast.resolution, TOLERANCE)).mean())
            return Plausibility(
                condition,
                p,
                f"a supposition; the forecast of {quarter} has {per_cent(share.mean())}, and nothing with a "
                f"probability of {probability_text(p, n)}",
            )
    k = supposed.providers.index(condition.provider)
    z = draws[:, [quarter - supposed.origin - 1 for quarter in condition.quarters], k]
    p = _tail(z, np.full(z.shape[1], condition.share))
    low, high = np.quantile(z[:, -1], (0.025, 0.975))
    far = "; no draw goes so far, so the answer rests on the correlations of nearer ones" if p == 0.0 else ""
    return Plausibility(
        condition,
        p,
        f"the forecast of {condition.quarters[-1]} has {per_cent(z[:, -1].mean())} (95 %: {per_cent(low)} to "
        f"{per_cent(high)}), and as far out or further with a probability of {probability_text(p, n)}{far}",
    )


def _together(draws: FloatArray, supposed: Forecast, conditions: Sequence[Condition]) -> float | None:
    pinned = [condition for condition in conditions if isinstance(condition, Pinned)]
    if len(pinned) < 2:
        return None
    cells = [
        (quarter - supposed.origin - 1, supposed.providers.index(condition.provider), condition.share)
        for condition in pinned
        for quarter in condition.quarters
    ]
    z = np.stack([draws[:, row, k] for row, k, _ in cells], axis=1)
    return _tail(z, np.array([share for _, _, share in cells]))


def _tail(z: FloatArray, value: FloatArray) -> float:
    """How many of the draws z, (n, m), lie at least as far from their middle as a value, (m,)."""
    if z.shape[1] == 1:  # by ranks, both sides: draws near zero are skewed
        return float(min(2.0 * min((z <= value).mean(), (z >= value).mean()), 1.0))
    centred = z - z.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(z))
    real = values > max(_NULL * values.max(), 1e-18)
    whiten = vectors[:, real] / np.sqrt(values[real])
    away = np.square((value - z.mean(axis=0)) @ whiten).sum()
    return float((np.square(centred @ whiten).sum(axis=1) >= away).mean())


def parse_conditions(texts: Sequence[str], forecast: Forecast, /, field: str = "conditions") -> tuple[Condition, ...]:
    """Read conditions as people write them.

    ``A = 20 % in 2026Q4`` (``through``: in every quarter up to it), ``A unchanged`` (as at the origin, in every quarter
    unless one is named), ``A leaves`` and ``a new provider takes 5 % in proportion`` (from a quarter, else the first),
    or an event as `forecast.events.parse_event` reads it.

    Args:
        texts: The conditions.
        forecast: Whose future they are of.
        field: What an error names as the place, with the number of the text from 0.

    Raises:
        InvalidArgument: a text is none of these, or a part of it names no provider, no share, or a quarter outside the
            forecast.
    """
    return _read(texts, forecast, field)


def providers_given(
    conditions: Sequence[Asked], providers: Sequence[str], periods: Sequence[Quarter]
) -> tuple[str, ...]:
    """The providers that a forecast has once it is given conditions, which are checked as far as can be without it.

    Args:
        conditions: Texts as `parse_conditions` reads them.
        providers: Those of the forecast.
        periods: Its quarters.

    Raises:
        InvalidArgument: as `parse_conditions`.
    """
    phrases = [_phrase(text, f"conditions[{number}]") for number, text in enumerate(conditions)]
    wider = _with_newcomers(phrases, providers)
    for phrase in phrases:
        _resolved(phrase, wider, periods, dict.fromkeys(providers, 0.0))  # an unchanged share is not known yet
    return wider


def _read(conditions: Sequence[Condition | Asked], forecast: Forecast, field: str) -> tuple[Condition, ...]:
    asked = [
        _phrase(condition, f"{field}[{number}]") if isinstance(condition, str) else condition
        for number, condition in enumerate(conditions)
    ]
    wider = _with_newcomers(asked, forecast.providers, field)
    _, latest = drawn(forecast)
    now = dict(zip(forecast.providers, latest.tolist(), strict=True))
    return tuple(
        _resolved(condition, wider, forecast.periods, now)
        if isinstance(condition, Phrase)
        else _checked(condition, wider, forecast.periods, f"{field}[{number}]")
        for number, condition in enumerate(asked)
    )


def _phrase(text: Asked, field: str) -> Phrase:
    return read_phrase(text, field, (*CONDITIONS, *EVENTS))


def _with_newcomers(
    asked: Sequence[Condition | Phrase], providers: Sequence[str], field: str = "conditions"
) -> tuple[str, ...]:
    wider = tuple(providers)
    for number, condition in enumerate(asked):
        if isinstance(condition, Enters):
            wider = (*wider, _newcomer(condition.provider, wider, Source(f"{field}[{number}]", str(condition))))
        elif isinstance(condition, Phrase) and condition.form is Form.ENTERS:
            wider = (*wider, _newcomer(condition.subject or NEWCOMER, wider, condition.source))
    return wider


def _newcomer(name: str, providers: Sequence[str], source: Source) -> str:
    if name.casefold() in {known.casefold() for known in providers}:
        problem = f"{name!r} is a provider that is there already"
        raise source.refuse(name, problem, f"give a newcomer a name beside {listed(providers)}")
    return name


def _checked(condition: Condition, providers: Sequence[str], periods: Sequence[Quarter], field: str) -> Condition:
    names = condition.statement.concerned() if isinstance(condition, Event) else (condition.provider,)
    quarters = condition.quarters if isinstance(condition, Pinned) else (condition.quarter,)
    source = Source(field, str(condition))
    for name in names:
        if name not in providers:
            raise source.refuse(name, f"no provider is called {name!r}", f"the providers are {listed(providers)}")
    for quarter in quarters:
        check_quarter(quarter, periods, source)
    if isinstance(condition, Pinned | Enters) and not 0.0 <= condition.share <= 1.0:
        raise source.refuse(str(condition.share), f"{condition.share} is no share", "give a fraction of 0 to 1")
    return condition


def _resolved(
    phrase: Phrase, providers: Sequence[str], periods: Sequence[Quarter], latest: Mapping[str, float]
) -> Condition:
    """The condition that a sentence says of a forecast; `latest` has the shares at the origin."""
    source = phrase.source
    if phrase.form in EVENTS:
        return resolve_event(phrase, providers, periods)
    if phrase.quarter is not None:
        check_quarter(phrase.quarter, periods, source)
    first = phrase.quarter or periods[0]
    last = phrase.quarter or periods[-1]
    quarters = (last,) if phrase.when == "in" else tuple(quarter for quarter in periods if quarter <= last)
    if phrase.form is Form.ENTERS:
        share = read_share(phrase.object, source)
        if share >= 1.0:
            problem = f"{phrase.object!r} leaves nothing to the others"
            raise source.refuse(phrase.object, problem, "write less than 100 %", "5 %")
        return Enters(phrase.subject or NEWCOMER, share, first)
    name = find_provider(phrase.subject, providers, source)
    match phrase.form:
        case Form.LEAVES:
            return Leaves(name, first)
        case Form.UNCHANGED:
            if name not in latest:
                problem = f"{name!r} is a newcomer, with no share at the origin to stay at"
                raise source.refuse(phrase.subject, problem, "name a provider that is there already")
            return Pinned(name, latest[name], quarters, unchanged=True)
        case _:
            return Pinned(name, read_share(phrase.object, source), quarters)
