"""Requests with one thing wrong each, and what a server must say to them: made by those who know what they broke."""

# ruff: noqa: PLR0911, PLR0912, PLR0915  (a way to be wrong is a branch)

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from google.protobuf.message import Message

from service.convert.parts import token_text
from sharecast.v1.answer_pb2 import TotalRow
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares, ShareRow
from sharecast.v1.forecast_service_pb2 import (
    BacktestRequest,
    ForecastRequest,
    ListModelsRequest,
    StreamForecastsRequest,
)
from sharecast.v1.import_pb2 import FigureRow, ImportChunk, ImportHeader, InlineFigures, MarketShareRow
from sharecast.v1.job_service_pb2 import (
    CancelForecastJobRequest,
    CreateForecastJobRequest,
    GetForecastJobRequest,
    ListForecastJobsRequest,
    WatchForecastJobRequest,
)
from sharecast.v1.market_service_pb2 import (
    GetHistoryRequest,
    GetMarketRequest,
    ImportFiguresRequest,
    ListFiguresRequest,
    ListMarketsRequest,
    WithdrawFiguresRequest,
)
from sharecast.v1.name_change_pb2 import NameChange

INVALID, UNKNOWN, TOO_LITTLE = "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"


@dataclass(frozen=True)
class Bad:
    """A call, and the answer that its maker expects."""

    method: str  # such as "ForecastService/Forecast"
    raws: tuple[bytes, ...]  # one, or the messages of a stream
    code: str
    field: str  # the path, or its beginning, that a field violation names; of NOT_FOUND the kind; else the market
    what: str  # is wrong, for people
    outcome: bool = False  # told as the outcome of the one market asked for, not of the call


Rng = random.Random
Broken = tuple[str, str, str]  # code, field, what

NAMES = [
    "../../../etc/passwd", "..\\..\\x", "'; DROP TABLE jobs; --", "%s%n%x", "\0", "a\0b", "\n\r\n",
    "\u202eevil", "\ufeff", "🦆" * 50, "ＣＮ－ＣＬＯＵＤ", "CN-CLOUD", " cn-cloud", "cn-cloud ", "cn-cloud\0", "é",
    "e\u0301", "\u0000\u0001", "m" * 30_000, "None", "null", "NaN", "0", "-1", "${jndi:x}", "{{7*7}}", "<b>",
    "\U0010ffff", "\u2028", "TOTAL", "*", "?", "%",
]  # fmt: skip
DAYS = [
    "0000-01-01", "2021-02-30", "20210115", "2021-1-5", "2021-01-15T00:00", "yesterday", " 2021-01-15",
    "2021-13-01", "٢٠٢١-٠١-١٥", "-001-01-01", "10000-01-01", "2021-01-15\n", "2021-W03-5", "\0",
    "../2021-01-15", "9" * 5000,
]  # fmt: skip
QUARTERS = ["", "2020", "2020Q5", "2020Q0", "0000Q1", "1899Q4", "2201Q1", "２０２０Q1", "2020q1", "2020Q1 ", "Q1", "\0"]
NO_QUARTERS = [text for text in QUARTERS if text not in ("2020", "2020q1", "2020Q1 ")]  # in no table either
LEVELS = [nan, inf, -inf, 0.0, -0.0, 1.0, -0.5, 1.0000000000000002, 80.0, 95.0, 1e308, -5e-324]
TOO_FAR = [-1, -8, 41, 100, 2**31 - 1, -(2**31)]
NO_EVENTS = [  # in no market
    "", " ", "?", "Huawei", "overtakes", "Huawei overtakes", "Huawei > 140 % in {q}", "Huawei leads in 2300Q1",
    "leads in {q}", "Huawei leads in {q}; DROP TABLE jobs", "h" * 5000,
]  # fmt: skip
NOT_HERE = [  # in this market
    "Huawei > -4 % in {q}", "Huawei > nan in {q}", "Nobody leads in {q}", "Huawei leads in 1999Q1",
    "Huawei overtakes Huawei by {q}", "Huawei leads in", "top 0 changes by {q}", "top 99 changes by {q}",
    "top x changes by {q}", "Huawei leads \0 in {q}", "Huawei + Huawei > 3 % in {q}", "Huawei > 1e400 in {q}",
    "🦆 leads in {q}", "../x leads in {q}",
]  # fmt: skip
EVENTS = [*NO_EVENTS, *NOT_HERE]
CONDITIONS = [
    "", "Huawei = 120 % in {q}", "Huawei = -1 % in {q}", "Huawei = nan % in {q}", "Nobody = 20 % in {q}",
    "Huawei = 20 %", "Huawei = 20 % in 1999Q1", "= 20 % in {q}", "unchanged", "Nobody leaves from {q}",
    "a new provider takes 100 % from {q}", "a new provider takes 500 % from {q}", "Huawei takes", "\0",
    "c" * 5000, "Others = 200 % in {q}",
]  # fmt: skip


def table(rng: Rng, quarters: int = 8) -> list[ShareRow]:
    """Rows of some quarters and providers that are fit."""
    names = rng.sample(["North", "South", "East", "West", "Others", "Øst"], rng.randint(2, 4))
    rows = []
    for n in range(quarters):
        weights = [rng.uniform(1, 9) for _ in names]
        rows += [
            ShareRow(period=f"{2020 + n // 4}Q{n % 4 + 1}", provider=name, share=weight / sum(weights))
            for name, weight in zip(names, weights, strict=True)
        ]
    return rows


# What can be wrong with what forecasts, batches and backtests have in common; each breaks a message that is fit.


def horizon(rng: Rng, message: Any) -> Broken:
    message.horizon = rng.choice([*TOO_FAR, rng.randint(41, 2**31 - 1), rng.randint(-(2**31), -1)])
    return INVALID, "horizon", f"horizon {message.horizon}"


def levels(rng: Rng, message: Any) -> Broken:
    good = [rng.uniform(0.01, 0.99) for _ in range(rng.randint(0, 3))]
    kind = rng.randrange(3)
    if kind == 0:
        bad = rng.choice(LEVELS)
        message.levels[:] = rng.sample([*good, bad], len(good) + 1)
    elif kind == 1:
        message.levels[:] = [*good, 0.5, 0.5]
    else:
        message.levels[:] = [n / 1000 for n in range(1, rng.randint(102, 900))]
    return INVALID, "levels", f"levels {list(message.levels)[:4]}"


def model(rng: Rng, message: Any) -> Broken:
    message.model = rng.choice([*NAMES, "AUTO", "auto ", "dlm"])
    return UNKNOWN, "model", f"model {message.model[:20]!r}"


def as_of(rng: Rng, message: Any) -> Broken:
    message.as_of = rng.choice(DAYS)
    return INVALID, "as_of", f"as_of {message.as_of[:20]!r}"


def recorded_by(rng: Rng, message: Any) -> Broken:
    message.recorded_by = rng.choice([*DAYS, "2021-01-15T10:00:00", "2021-01-15T25:00Z", "2021-01-15T10:00+99:00"])
    return INVALID, "recorded_by", f"recorded_by {message.recorded_by[:20]!r}"


def name_changes(rng: Rng, message: Any) -> Broken:
    good = NameChange(provider="Cygnus", into="Acme", kind="NAME_CHANGE_KIND_MERGED", period="2023Q1")
    bad = NameChange()
    bad.CopyFrom(good)
    ways: list[tuple[str, Sequence[object]]] = [
        ("provider", ["", " ", "Others", "TOTAL", "TOP3", "A|B", "a\0b", "p" * 201]),
        ("into", ["", "Cygnus", "Others", "a\nb"]),
        ("period", QUARTERS),
        ("kind", [0, 9]),
        ("published_at", DAYS),
        ("house", ["a\0b", "h" * 201]),
    ]
    name, values = rng.choice(ways)
    value = rng.choice(list(values))
    setattr(bad, name, value)
    message.name_changes.extend([good, bad])
    return INVALID, f"name_changes[1].{name}", f"{name} {str(value)[:20]!r} of a changed name"


def withdrawal(rng: Rng, message: Any) -> Broken:
    message.validate_only = True
    match rng.randrange(5):
        case 0:
            message.market = ""
            return INVALID, "market", "nothing to withdraw"
        case 1:
            message.import_id = rng.choice([*NAMES[:12], "0", "01", "9" * 20])
            return INVALID, "import_id", f"import_id {message.import_id[:20]!r}"
        case 2:
            message.import_id = "123456"
            return UNKNOWN, "import", "an import that is not there"
        case 3:
            message.period = rng.choice([one for one in QUARTERS if one not in ("", "2020", "2201Q1")])
            return INVALID, "period", f"period {message.period!r}"
        case _:
            message.request_id = rng.choice(["é", " ", "a b", "i" * 129, "\0", "\n"])
            return INVALID, "request_id", f"request_id {message.request_id[:20]!r}"


def market(rng: Rng, message: Any) -> Broken:
    message.market = rng.choice(["", *NAMES])
    if not message.market:
        return INVALID, "market", "no market"
    return UNKNOWN, "market", f"market {message.market[:20]!r}"


def house(rng: Rng, message: Any) -> Broken:
    message.house = rng.choice(NAMES)
    return UNKNOWN, "house", f"house {message.house[:20]!r}"


def before_all(_: Rng, message: Any) -> Broken:
    message.as_of = "1900-01-01"
    return TOO_LITTLE, message.market, "a day before all figures"


def events(rng: Rng, message: Any) -> Broken:
    if rng.random() < 0.05:
        message.events.extend(["Huawei leads in 2026Q4"] * rng.randint(101, 2000))
        return INVALID, "events", "too many events"
    good = rng.randint(0, 2)
    message.events.extend(["Huawei leads in 2026Q1"] * good)
    message.events.append(rng.choice(EVENTS).replace("{q}", "2026Q1"))
    return INVALID, f"events[{good}]", f"event {message.events[-1][:30]!r}"


def conditions(rng: Rng, message: Any) -> Broken:
    if rng.random() < 0.05:
        message.conditions.extend(["Huawei unchanged"] * rng.randint(21, 200))
        return INVALID, "conditions", "too many conditions"
    message.conditions.append(rng.choice(CONDITIONS).replace("{q}", "2026Q1"))
    return INVALID, "conditions[0]", f"condition {message.conditions[-1][:30]!r}"


def revenue(rng: Rng, message: Any) -> Broken:
    asked = message.revenue
    match rng.randrange(4):
        case 0:
            asked.unit = "USD bn"
            return INVALID, "revenue.unit", "a unit without totals"
        case 1:
            asked.totals.add(period="2024Q1", amount=1.0)
            bad = rng.choice([nan, inf, -inf, 0.0, -1.0])
            asked.totals.add(period="2024Q2", amount=bad)
            return INVALID, "revenue.totals[1].amount", f"amount {bad}"
        case 2:
            asked.totals.add(period=rng.choice(QUARTERS), amount=1.0)
            return INVALID, "revenue.totals[0].period", f"period {asked.totals[0].period!r}"
        case _:
            asked.totals.extend([TotalRow(period="2024Q1", amount=1.0)] * 2)
            return INVALID, "revenue.totals[1].period", "a quarter twice"


# What can be wrong with rows of shares.


def rows_of(rng: Rng, rows: list[ShareRow], kind: int | None = None) -> Broken:
    """Break a table."""
    at = rng.randrange(len(rows))
    row = rows[at]
    place = f"shares.rows[{at}]"
    match rng.randrange(11) if kind is None else kind:
        case 0:
            row.share = rng.choice([nan, inf, -inf, -0.1, -5e-324, 1.0000000000000002, 33.0, 1e308])
            return INVALID, f"{place}.share", f"share {row.share}"
        case 1:
            first = next(n for n, other in enumerate(rows) if other.period == row.period)
            for other in rows:
                if other.period == row.period:
                    other.share = rng.uniform(0.6, 1)
            return INVALID, f"shares.rows[{first}].share", "a quarter over 100 %"
        case 2:
            rows.append(ShareRow(period=row.period, provider=row.provider))
            return INVALID, f"shares.rows[{len(rows) - 1}].provider", "a cell twice"
        case 3:
            row.period = rng.choice(NO_QUARTERS)
            return INVALID, f"{place}.period", f"period {row.period!r}"
        case 4:
            row.provider = rng.choice(["", " ", "\t\n", "\u2003"])
            return INVALID, f"{place}.provider", f"provider {row.provider!r}"
        case 5:
            row.decimals = rng.choice([-1, 7, 2**31 - 1, -(2**31)])
            return INVALID, f"{place}.decimals", f"decimals {row.decimals}"
        case 6:
            for other in rows:
                other.value = rng.uniform(1, 99)
            row.value = rng.choice([nan, inf, -inf, -1.0, 1e101])
            return INVALID, f"{place}.value", f"value {row.value}"
        case 7:
            row.value = 5.0  # the others have shares
            return INVALID, "shares.rows", "shares and amounts in one table"
        case 8:
            rows.clear()
            return INVALID, "shares.rows", "no rows"
        case 9:
            del rows[sum(other.period == rows[0].period for other in rows) :]
            return TOO_LITTLE, "m", "one quarter"
        case _:
            for other in rows:
                other.ClearField("measure")
            return TOO_LITTLE, "m", "no share at all"


def inline(make: Callable[[list[ShareRow]], Any]) -> Callable[[Rng], tuple[Any, Broken]]:
    def broken(rng: Rng) -> tuple[Any, Broken]:
        rows = table(rng)
        kind = rng.randrange(14)
        if kind >= 11:
            request = make(rows)
            if kind == 11:
                return request, horizon(rng, request)
            if kind == 12:
                return request, levels(rng, request)
            request.house = "canalys"
            return request, (INVALID, "house", "a house beside shares")
        found = rows_of(rng, rows, kind)
        return make(rows), found

    return broken


def forecast_inline(rows: list[ShareRow]) -> ForecastRequest:
    return ForecastRequest(market="m", shares=InlineShares(rows=rows), horizon=1, model="naive")


def figures_inline(make: Callable[..., Any]) -> Callable[[Rng], tuple[Any, Broken]]:
    """Requests that bring figures, of market "m" and house "H"."""

    def broken(rng: Rng) -> tuple[Any, Broken]:
        rows = [
            FigureRow(
                market="m", research_house="H", period=f"{2020 + (n + 4) // 8}Q{(n + 4) // 2 % 4 + 1}",
                providers="AB"[n % 2], measure="share", value=0.4, qualifier="exact", decimals=0,
                published=f"{2021 + n // 8}-12-01",
            )
            for n in range(16)
        ]  # fmt: skip
        kind = rng.randrange(8)
        if kind < 4:
            found = figure_row(rng, rows[1])
        elif kind == 4:
            rows, found = [], (INVALID, "figures.rows", "no rows")
        elif kind == 5:
            for n in range(900):
                rows.append(FigureRow())
                rows[-1].CopyFrom(rows[0])
                rows[-1].providers = f"P{n}"
            found = INVALID, "figures.rows", "too many providers"
        request = make(figures=InlineFigures(rows=rows))
        if kind == 6:
            request.market = rng.choice(["", *NAMES])
            found = (UNKNOWN if request.market else INVALID), "market", f"market {request.market[:20]!r}"
        elif kind == 7:
            found = rng.choice([as_of, house, before_all])(rng, request)
        return request, found

    return broken


def backtest_inline(rows: list[ShareRow]) -> BacktestRequest:
    return BacktestRequest(market="m", shares=InlineShares(rows=rows), horizon=1, origins=2, models=["naive"])


def stored(make: Callable[[], Any], ways: list[Callable[[Rng, Any], Broken]]) -> Callable[[Rng], tuple[Any, Broken]]:
    def broken(rng: Rng) -> tuple[Any, Broken]:
        request = make()
        return request, rng.choice(ways)(rng, request)

    return broken


def origins(rng: Rng, message: Any) -> Broken:
    message.origins = rng.choice([-1, 401, 2**31 - 1, -(2**31)])
    return INVALID, "origins", f"origins {message.origins}"


def models(rng: Rng, message: Any) -> Broken:
    if rng.random() < 0.3:
        message.models[:] = ["naive", "naive"]
        return INVALID, "models", "a model twice"
    message.models.append(rng.choice([*NAMES, "", "AUTO"]))
    return UNKNOWN, "model", f"model {message.models[-1][:20]!r}"


def pages(of: str) -> Callable[[Rng, Any], Broken]:
    def broken(rng: Rng, message: Any) -> Broken:
        if rng.random() < 0.5:
            message.page_size = rng.choice([-1, -(2**31), -50])
            return INVALID, "page_size", f"page_size {message.page_size}"
        token = token_text(rng.choice(["x", "-1", "9" * 30, "\0", "1.5", "٣", "nan"]), of)
        forged = [] if of == "ListMarkets" else [token]  # whose items are names, and any may have been the last
        message.page_token = rng.choice([*NAMES, "W10=", "bnVsbA==", "e30=", *forged])
        return INVALID, "page_token", f"page_token {message.page_token[:30]!r}"

    return broken


def filters(rng: Rng, message: Any) -> Broken:
    name = rng.choice(["market", "house", "provider"])
    setattr(message, name, rng.choice([bad for bad in NAMES if bad != "TOTAL"]))
    return UNKNOWN, name, f"{name} {getattr(message, name)[:20]!r}"


def quarter(rng: Rng, message: Any) -> Broken:
    message.quarter = rng.choice(QUARTERS[1:])
    return INVALID, "quarter", f"quarter {message.quarter!r}"


def batch(rng: Rng) -> tuple[ForecastBatch, Broken, bool]:
    """A batch with one thing wrong; whether that is the one market's own affair."""
    made = ForecastBatch(markets=[MarketName(market="cn-cloud")], horizon=1, model="naive")
    way = rng.randrange(19)
    if way == 16:
        made.events.append(rng.choice(NOT_HERE).replace("{q}", "2026Q1"))
        return made, (INVALID, "events[0]", f"event {made.events[0][:30]!r}"), True
    if way == 18:
        made.events.append(rng.choice(NO_EVENTS).replace("{q}", "2026Q1"))
        code, field, what = INVALID, "events[0]", f"event {made.events[0][:30]!r}"
    elif way == 17:
        made.events.extend(["Huawei leads"] * 101)
        code, field, what = INVALID, "events", "too many events"
    elif way == 0:
        code, field, what = horizon(rng, made)
    elif way == 1:
        code, field, what = levels(rng, made)
    elif way == 2:
        return made, model(rng, made), False
    elif way == 3:
        code, field, what = as_of(rng, made)
    elif way == 4:
        made.markets.clear()
        code, field, what = INVALID, "", "no market"
    elif way == 5:
        made.markets.add()
        code, field, what = INVALID, "markets[1].market", "a market without a name"
    elif way == 6:
        made.shares.add(market="cn-cloud", first_period="2020Q1")
        code, field, what = INVALID, "shares[0].market", "a market twice"
    elif way == 7:
        del made.markets[:]
        made.shares.add(market="m", first_period="2020Q1", providers=["A", "B"], shares=[0.5] * 8)
        made.house = "canalys"
        code, field, what = INVALID, "house", "a house without markets of the server"
    elif way == 8:
        name = rng.choice(NAMES)
        made.markets[0].market = name
        return made, (UNKNOWN, "market", f"market {name[:20]!r}"), True
    elif way == 9:
        made.house = rng.choice(NAMES)
        return made, (UNKNOWN, "house", f"house {made.house[:20]!r}"), True
    else:
        del made.markets[:]
        made.shares.append(MarketShares(market="m", first_period="2020Q1", providers=["A", "B"], shares=[0.5] * 16))
        made.model = rng.choice(["naive", "auto"])
        return made, market_shares(rng, made.shares[0], way - 10), True
    return made, (code, f"batch.{field}".rstrip("."), what), False


def market_shares(rng: Rng, given: MarketShares, way: int) -> Broken:
    at = rng.randrange(16)
    match way:
        case 0:
            given.shares[at] = rng.choice([inf, -inf, -0.1, 33.0, 1e308])  # NaN: not reported
            return INVALID, f"shares.rows[{at}].share", f"share {given.shares[at]}"
        case 1:
            given.shares[at // 2 * 2] = 0.9
            return INVALID, f"shares.rows[{at // 2 * 2}].share", "a quarter over 100 %"
        case 2:
            given.first_period = rng.choice(QUARTERS)
            return INVALID, "first_period", f"first_period {given.first_period!r}"
        case 3:
            given.shares.append(0.5)
            return INVALID, "shares", "half a quarter"
        case 4:
            given.providers[1] = given.providers[0]
            return INVALID, "shares.rows[1].provider", "a provider twice"
        case _:
            given.decimals = rng.choice([-1, 7, 2**31 - 1])
            return INVALID, "shares.rows[0].decimals", f"decimals {given.decimals}"


def import_messages(rng: Rng) -> tuple[list[ImportFiguresRequest], Broken]:
    header = ImportHeader(kind="IMPORT_KIND_SHARES", validate_only=True)
    rows = [
        MarketShareRow(market="m", period=f"{2020 + n // 8}Q{n // 2 % 4 + 1}", provider="AB"[n % 2], share=0.5)
        for n in range(16)
    ]
    figure = FigureRow(
        market="m", research_house="H", period="2020Q3", providers="A", measure="share", value=0.3, qualifier="exact",
        decimals=0, published="2020-12-01",
    )  # fmt: skip
    at = rng.randrange(16)
    chunk = ImportChunk(shares=rows)
    row = chunk.shares[at]
    place = f"shares.rows[{at}]"
    found: Broken
    match rng.randrange(20):
        case 0:
            return [ImportFiguresRequest(chunk=chunk)], (INVALID, "part", "no header")
        case 1:
            return [ImportFiguresRequest()], (INVALID, "part", "an empty message")
        case 2:
            return [], (INVALID, "part", "no message")
        case 3:
            return [ImportFiguresRequest(header=header)] * 2, (INVALID, "part", "two headers")
        case 4:
            bad = ImportHeader(validate_only=True)
            return [ImportFiguresRequest(header=bad)], (INVALID, "header.kind", "no kind")
        case 5:
            header.house = rng.choice([" ", "a\0b", "h" * 201, "\n"])
            found = INVALID, "header.house", f"house {header.house[:20]!r}"
        case 6:
            header.request_id = rng.choice(["é", " ", "a b", "i" * 129, "\0", "\n", "🦆"])
            found = INVALID, "header.request_id", f"request_id {header.request_id[:20]!r}"
        case 7:
            header = ImportHeader(kind="IMPORT_KIND_FIGURES", house="canalys")
            return [ImportFiguresRequest(header=header)], (INVALID, "header.house", "a house beside figures")
        case 8:
            chunk = ImportChunk(figures=[figure])
            found = INVALID, "chunk", "rows of another kind"
        case 9:
            return [ImportFiguresRequest(header=header)], (INVALID, "shares.rows", "no rows")
        case 10:
            row.share = rng.choice([nan, inf, -0.1, 33.0])
            found = INVALID, f"{place}.share", f"share {row.share}"
        case 11:
            row.period = rng.choice(NO_QUARTERS)
            found = INVALID, f"{place}.period", f"period {row.period!r}"
        case 12:
            row.provider = rng.choice(["", " ", "x|y", "TOTAL", "TOP3", "a\0b", "p" * 201, "a\x07b"])
            row.share = 0.4  # not the sum of the others, by which a total is known
            found = INVALID, f"{place}.provider", f"provider {row.provider[:20]!r}"
        case 13:
            row.market = rng.choice(["", " ", "a\0b", "m" * 201, "a\x07b"])
            found = INVALID, f"{place}.market", f"market {row.market[:20]!r}"
        case 14:
            row.decimals = rng.choice([-1, 7, 2**31 - 1])
            found = INVALID, f"{place}.decimals", f"decimals {row.decimals}"
        case 15:
            row.published_at = rng.choice([day for day in DAYS if day.strip() == day and day != "2021-01-15"])
            found = INVALID, f"{place}.published_at", f"published_at {row.published_at[:20]!r}"
        case 16:
            row.published_at = "2019-12-31"
            found = INVALID, f"{place}.published_at", "published before its quarter"
        case 17:
            chunk.shares.append(MarketShareRow(market="m", period=row.period, provider=row.provider))
            found = INVALID, "shares.rows[16].provider", "a cell twice"
        case 18:
            row.value = 3.0
            found = INVALID, "shares.rows", "shares and amounts in one table"
        case _:
            header = ImportHeader(kind="IMPORT_KIND_FIGURES", validate_only=True)
            chunk = ImportChunk(figures=[figure] * 3)
            found = figure_row(rng, chunk.figures[1])
    return [ImportFiguresRequest(header=header), ImportFiguresRequest(chunk=chunk)], found


def figure_row(rng: Rng, row: FigureRow) -> Broken:
    ways: list[tuple[str, Sequence[object]]] = [
        ("market", ["", "a\0b", "m" * 201]),
        ("research_house", ["", " ", "a\nb"]),
        ("period", [*QUARTERS[2:], "1899", "20", "2020 Q3"]),
        ("providers", ["", "A||B", "|", "A|A"]),
        ("measure", ["", "shares", "growth"]),
        ("unit", ["per cent", "USD bn", "%"]),
        ("value", [nan, inf, -0.1, 33.0]),
        ("qualifier", ["", "roughly"]),
        ("decimals", [-1, 7, 2**31 - 1]),
        ("published", [*DAYS[:2], "soon", "2020-08-01"]),
        ("source_url", ["www.example.org", "no address", "://x"]),
        ("note", ["a\0b"]),
        ("stated_as", ["\0"]),
    ]
    name, values = rng.choice(ways)
    value = rng.choice(list(values))
    setattr(row, name, value)
    return INVALID, f"figures.rows[1].{name}", f"{name} {str(value)[:20]!r}"


def job_ids(rng: Rng, message: Any) -> Broken:
    message.job_id = rng.choice(["", *NAMES, "0" * 24])
    if not message.job_id:
        return INVALID, "job_id", "no job"
    return UNKNOWN, "job", f"job {message.job_id[:20]!r}"


def skips(rng: Rng, message: Any) -> Broken:
    message.skip_count = rng.choice([-1, -(2**31)])
    return INVALID, "skip_count", f"skip_count {message.skip_count}"


def bad_inputs(seed: int) -> Iterator[Bad]:
    """Bad calls without end, of every method that takes input; the same for the same seed."""
    rng = random.Random(seed)
    common = [horizon, levels, as_of, market, house, before_all]
    made: dict[str, Callable[[Rng], tuple[Any, Broken]]] = {
        "ForecastService/Forecast": stored(
            lambda: ForecastRequest(market="cn-cloud", horizon=8, model="naive"),
            [*common, model, events, conditions, revenue, recorded_by, name_changes],
        ),
        "ForecastService/Forecast ": inline(forecast_inline),
        "ForecastService/Forecast  ": figures_inline(
            lambda **data: ForecastRequest(market="m", horizon=1, model="naive", **data)
        ),
        "MarketService/GetHistory ": figures_inline(lambda **data: GetHistoryRequest(market="m", **data)),
        "ForecastService/Backtest": stored(
            lambda: BacktestRequest(market="cn-cloud", origins=1, horizon=1, models=["naive"]),
            [horizon, levels, market, house, origins, models],
        ),
        "ForecastService/Backtest ": inline(backtest_inline),
        "ForecastService/ListModels": stored(ListModelsRequest, [pages("ListModels")]),
        "MarketService/ListMarkets": stored(ListMarketsRequest, [pages("ListMarkets")]),
        "MarketService/GetMarket": stored(GetMarketRequest, [market]),
        "MarketService/GetHistory": stored(
            lambda: GetHistoryRequest(market="cn-cloud"),
            [as_of, market, house, before_all, recorded_by, name_changes],
        ),
        "MarketService/WithdrawFigures": stored(lambda: WithdrawFiguresRequest(market="cn-cloud"), [withdrawal]),
        "MarketService/ListFigures": stored(
            ListFiguresRequest, [as_of, quarter, filters, pages("\x1f".join(["ListFigures", *[""] * 5]))]
        ),
        "JobService/GetForecastJob": stored(GetForecastJobRequest, [job_ids]),
        "JobService/CancelForecastJob": stored(CancelForecastJobRequest, [job_ids]),
        "JobService/WatchForecastJob": stored(lambda: WatchForecastJobRequest(job_id="0" * 24), [job_ids, skips]),
        "JobService/ListForecastJobs": stored(ListForecastJobsRequest, [pages("ListForecastJobs")]),
    }
    names = [*made, "MarketService/ImportFigures", "ForecastService/StreamForecasts", "JobService/CreateForecastJob"]
    while True:
        name = rng.choice(names)
        outcome = False
        messages: list[Message]
        if name == "MarketService/ImportFigures":
            messages, (code, field, what) = import_messages(rng)  # type: ignore[assignment]
        elif name in made:
            request, (code, field, what) = made[name](rng)
            messages = [request]
        else:
            given, (code, field, what), outcome = batch(rng)
            if name == "ForecastService/StreamForecasts":
                messages = [StreamForecastsRequest(batch=given)]
            elif outcome:  # of the job, which is made all the same
                continue
            else:
                asked = CreateForecastJobRequest(batch=given, validate_only=True)
                if rng.random() < 0.2:
                    asked.batch.CopyFrom(ForecastBatch(markets=[MarketName(market="cn-cloud")]))
                    asked.request_id = rng.choice(["é", " ", "a b", "i" * 129, "\0"])
                    code, field, what = INVALID, "request_id", f"request_id {asked.request_id[:20]!r}"
                messages = [asked]
        raws = tuple(message.SerializeToString() for message in messages)
        yield Bad(f"sharecast.v1.{name.strip()}", raws, code, field, what, outcome)
