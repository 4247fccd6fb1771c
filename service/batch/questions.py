"""Events asked of the markets of a batch: a table of them in, a row of an answer for each."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from forecast.errors import InvalidArgument, InvalidTable, RowViolation, SharecastError
from forecast.wording import LONGEST_TEXT
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
        InvalidTable: a column is missing or unknown, or an event is empty or too long.
    """
    check_readable(path)
    found = read_table(path)
    if "event" not in found.columns or set(found.columns) - {"market", "event"}:
        columns = ", ".join(found.columns)
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
    counts = table.group_by("market").len()
    common = int(counts.filter(pl.col("market").is_null())["len"].sum())
    own = counts.filter(pl.col("market").is_not_null())["len"].max()
    most = common + (own if isinstance(own, int) else 0)
    if most > MOST_EVENTS:
        raise InvalidArgument(str(path), f"{most} events of one market", f"{MOST_EVENTS} at most")
    return Questions(table)


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
    levels: tuple[float, ...],
    model: str,
    seed_of: Callable[[str], int],
) -> tuple[pl.DataFrame, int]:
    """Answer every event asked of the markets of a checked table, which can be forecast.

    Args:
        shares: The table, the rows of a market standing together.
        path: What `keep_questions` wrote.
        horizon: Quarters ahead.
        levels: Of the forecast.
        model: Name of the model.
        seed_of: The seed of a market, by its name.

    Returns:
        A row per market and event, columns of `EVENTS_SCHEMA`, those asked of every market first; and how many have an
        error in place of a probability.
    """
    from forecast.events import event_probability
    from forecast.forecasting import forecast_shares
    from forecast.shares import SharesTable

    asked = _kept(path, path.stat().st_mtime_ns)
    rows: list[tuple[object, ...]] = []
    unanswered = 0
    for market in shares.partition_by("market", maintain_order=True):
        name = str(market["market"][0])
        texts = [*asked.get(None, ()), *asked.get(name, ())]
        if not texts:
            continue
        try:
            made = forecast_shares(
                SharesTable.checked(market),
                horizon=horizon,
                levels=levels,
                model=model,
                seed=seed_of(name),
                keep_draws=True,
            )
        except Exception as error:  # one bad market must not end a run of thousands
            rows += [_unanswered(name, text, error) for text in texts]
            unanswered += len(texts)
            continue
        for text in texts:
            try:
                found = event_probability(made, text)
            except Exception as error:  # a provider that this market does not have, say: the others are told
                rows.append(_unanswered(name, text, error))
                unanswered += 1
                continue
            event = found.event
            rows.append(
                (
                    name,
                    str(event),
                    str(event.when),
                    str(event.quarter),
                    found.probability,
                    found.standard_error,
                    found.draws,
                    found.at_origin,
                    found.reference,
                    None,
                )
            )
    return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row"), unanswered


def _unanswered(market: str, event: str, error: Exception) -> tuple[object, ...]:
    why = str(error) if isinstance(error, SharecastError) else f"unforeseen {type(error).__name__}: {error}"
    return (market, event, *(None,) * 7, why)


def of_no_market(questions: Questions, seen: set[str], /) -> pl.DataFrame:
    """A row for each event asked of a market that is not among those seen; columns of `EVENTS_SCHEMA`."""
    left = questions.table.filter(pl.col("market").is_not_null() & ~pl.col("market").is_in(sorted(seen)))
    rows = [(market, event, *(None,) * 7, "no market of the input") for market, event in left.iter_rows()]
    return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row")
