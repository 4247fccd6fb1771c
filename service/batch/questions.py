"""Events asked of the markets of a batch: a table of them in, a row of an answer for each."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import polars as pl

from forecast.errors import InvalidArgument, InvalidTable, RowViolation, SharecastError
from forecast.events import Event, EventProbability, parse_event
from forecast.grammar import EVENTS, read_phrase
from forecast.shares import SharesTable
from forecast.wording import LONGEST_TEXT, plain_text
from service.answer_results import EventResult
from service.answers import parts_of
from service.errors import ServiceError
from service.queries import MOST_EVENTS
from service.tables import check_readable, read_table

EVENTS_SCHEMA: dict[str, type[pl.DataType]] = {
    "market": pl.String,
    "event": pl.String,
    "when": pl.String,
    "period": pl.String,
    "probability": pl.Float64,
    "standard_error": pl.Float64,
    "draws": pl.Int64,
    "at_origin": pl.Boolean,
    "reference": pl.String,
    "error": pl.String,
}
_SHOWN = 5  # violations

Probability: TypeAlias = EventProbability | EventResult
"""The library's or a server's."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The events asked, checked as far as can be without a market."""

    table: pl.DataFrame  # market (null: every market), event; in the order of the file

    @property
    def sha256(self) -> str:
        """Of what is asked, in hexadecimal digits."""
        return hashlib.sha256(self.table.write_csv(null_value="\0").encode()).hexdigest()


def read_questions(path: Path, /) -> Questions:
    """Read the events asked.

    Args:
        path: A table with `event`, as `forecast.events.parse_event` reads it, and optionally `market`; empty, or
            without that column: asked of every market.

    Raises:
        InvalidArgument: the file is missing, damaged or no table; or more than 100 events are asked of a market.
        InvalidTable: a column is missing or unknown; an event is empty or too long, or, of those asked of every market,
            cannot be read. One of a single market that cannot be read is told among the answers of that.
    """
    check_readable(path)
    found = read_table(path)
    if "event" not in found.columns or set(found.columns) - {"market", "event"}:
        columns = f"the columns are {', '.join(found.columns)}"
        told = RowViolation("columns_of_events", 0, "event", columns, "event and, optionally, market")
        raise InvalidTable(str(path), (told,))
    market = pl.col("market") if "market" in found.columns else pl.lit(None)
    table = found.select(
        market.cast(pl.String).replace("", None).alias("market"), pl.col("event").cast(pl.String).str.strip_chars()
    )
    length = table["event"].str.len_chars().fill_null(0)
    bad = ((length == 0) | (length > LONGEST_TEXT)).arg_true().to_list()
    if bad:
        allowed = f"1 to {LONGEST_TEXT} characters"
        broken = tuple(
            RowViolation("event_is_a_text", row + 1, "event", repr((table["event"][row] or "")[:40]), allowed)
            for row in bad[:_SHOWN]
        )
        raise InvalidTable(str(path), broken, len(bad))
    _check_words(path, table)
    counts = table.group_by("market").len()
    common = int(counts.filter(pl.col("market").is_null())["len"].sum())
    own = counts.filter(pl.col("market").is_not_null())["len"].max()
    most = common + (own if isinstance(own, int) else 0)
    if most > MOST_EVENTS:
        raise InvalidArgument(str(path), most, f"{MOST_EVENTS} at most", f"asks {most} events of one market")
    return Questions(table)


def _check_words(path: Path, table: pl.DataFrame) -> None:
    """Refuse events asked of every market that none could answer."""
    broken = []
    for row, (market, event) in enumerate(table.iter_rows(), start=1):
        if market is None:
            try:
                read_phrase(event, "event", EVENTS)
            except InvalidArgument as error:
                problem = error.problem.removeprefix(f"{plain_text(event)!r}: ")
                hint = f"{problem}; {error.allowed}"
                broken.append(RowViolation("event_is_understood", row, "event", repr(event), "an event", hint))
    if broken:
        raise InvalidTable(str(path), tuple(broken[:_SHOWN]), len(broken))


def keep_questions(questions: Questions, folder: Path, /) -> Path:
    """Write them where every worker can read them; returns the file."""
    path = folder / "events.parquet"
    questions.table.write_parquet(path)
    return path


@lru_cache(maxsize=1)
def _kept(path: Path, stamp: int) -> dict[str | None, list[str]]:
    del stamp  # another run may have written another file here
    found: dict[str | None, list[str]] = {}
    for market, event in pl.read_parquet(path).iter_rows():
        found.setdefault(market, []).append(event)
    return found


def answer_questions(
    shares: pl.DataFrame,
    path: Path,
    /,
    *,
    horizon: int,
    probabilities: Callable[[SharesTable, Sequence[Event]], Sequence[Probability]],
) -> tuple[pl.DataFrame, int]:
    """Answer every event asked of the markets of a checked table, which can be forecast.

    Args:
        shares: The table, the rows of a market standing together.
        path: What `keep_questions` wrote.
        horizon: Quarters ahead.
        probabilities: Of events of one market, in their order.

    Returns:
        A row per market and event, columns of `EVENTS_SCHEMA`, those asked of every market first; and how many have an
        error in place of a probability.
    """
    asked = _kept(path, path.stat().st_mtime_ns)
    rows: list[tuple[object, ...]] = []
    unanswered = 0
    for market in shares.partition_by("market", maintain_order=True):
        name = str(market["market"][0])
        texts = [*asked.get(None, ()), *asked.get(name, ())]
        if not texts:
            continue
        answers: list[tuple[object, ...]] = []
        try:
            table = SharesTable.checked(market)
            events = _understood(texts, table, horizon)
            clear = [event for event in events if isinstance(event, Event)]
            numbers = iter(probabilities(table, clear) if clear else ())
            for text, event in zip(texts, events, strict=True):
                if isinstance(event, Event):
                    answers.append(_answered(name, event, next(numbers)))
                else:
                    answers.append(_unanswered(name, text, event))
        except ServiceError:
            raise
        except Exception as error:  # one bad market must not end a run of thousands
            answers = [_unanswered(name, text, error) for text in texts]
        rows += answers
        unanswered += sum(answer[-1] is not None for answer in answers)
    return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row"), unanswered


def _understood(texts: list[str], market: SharesTable, horizon: int) -> list[Event | SharecastError]:
    """Events of a market, an error in place of each that it cannot be asked: the others are answered."""
    providers, periods = parts_of(market, horizon)
    events: list[Event | SharecastError] = []
    for text in texts:
        try:
            events.append(parse_event(text, providers, periods))
        except SharecastError as error:
            events.append(error)
    return events


def _answered(market: str, event: Event, found: Probability) -> tuple[object, ...]:
    numbers = (found.probability, found.standard_error, found.draws, found.at_origin, found.reference)
    return (market, str(event), str(event.when), str(event.quarter), *numbers, None)


def _unanswered(market: str, event: str, error: Exception) -> tuple[object, ...]:
    why = str(error) if isinstance(error, SharecastError) else f"unforeseen {type(error).__name__}: {error}"
    return (market, event, *(None,) * 7, why)


def of_no_market(questions: Questions, seen: set[str], /) -> pl.DataFrame:
    """A row for each event asked of a market that is not among those seen; columns of `EVENTS_SCHEMA`."""
    left = questions.table.filter(pl.col("market").is_not_null() & ~pl.col("market").is_in(sorted(seen)))
    rows = [(market, event, *(None,) * 7, "no market of the input") for market, event in left.iter_rows()]
    return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row")
