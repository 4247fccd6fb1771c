import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument, InvalidTable, NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.quarter import Quarter
from service.catalog import Catalog
from service.errors import AlreadyExists, NoStore
from service.queries import BacktestQuery
from service.store import Store, open_store

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
RAW = Path(str(files("forecast.data"))) / "raw" / "figures.csv"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "new.db")) as opened:
        yield opened


@pytest.fixture
def stored(store: Store) -> Catalog:
    return Catalog(load_figures(), load_breaks(), store, clock=lambda: NOW)


def widgets(*, later: float = 0.0, market: str = "widgets", quarters: int = 8) -> pl.DataFrame:
    """Shares of three providers over quarters from 2023Q1 on; `later` moves those of the first quarter."""
    rows = []
    for n in range(quarters):
        acme = 0.4 + 0.01 * n + (later if n == 0 else 0.0)
        for name, share in (("Acme", acme), ("Bolt", 0.3), ("Crux", 0.7 - acme)):
            rows.append((market, f"{2023 + n // 4}Q{n % 4 + 1}", name, round(share, 3)))
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row")


def values(catalog: Catalog, market: str = "widgets", provider: str = "Acme") -> list[float]:
    return catalog.figures(market).filter(pl.col("providers") == provider)["value"].to_list()


def test_a_fresh_database_knows_what_ships(stored: Catalog, catalog: Catalog) -> None:
    assert stored.markets() == catalog.markets()
    assert_frame_equal(stored.figures(), load_figures())
    assert stored.history("cn-cloud", "canalys", date(2021, 1, 15)).content_hash == (
        catalog.history("cn-cloud", "canalys", date(2021, 1, 15)).content_hash
    )


def test_an_imported_market_is_as_good_as_a_shipped_one(stored: Catalog) -> None:
    report = stored.import_table(widgets(), kind="shares")
    assert (report.kind, report.import_id, report.rows, report.added, report.known) == ("shares", "1", 24, 24, 0)
    assert report.markets == ("widgets",)
    assert [info.market for info in stored.markets()] == ["cn-cloud", "widgets", "world-cloud", "world-smartphones"]
    (house,) = next(info for info in stored.markets() if info.market == "widgets").houses
    assert (house.name, house.first, house.last) == ("own", Quarter.parse("2023Q1"), Quarter.parse("2024Q4"))
    history = stored.history("widgets", "own", None)
    assert history.share[0, history.providers.index("Acme")] == pytest.approx(0.4, abs=0.01)
    past = stored.history("widgets", "own", date(2024, 1, 31))  # 2023Q3 was out, 2023Q4 not yet
    assert str(past.quarters[-1]) == "2023Q3"
    *_, scores = stored.backtest(BacktestQuery("widgets", house="", origins=2, horizon=1, models=("naive",)))
    assert "naive" in str(scores)


def test_the_raw_figures_that_ship_are_known_already(stored: Catalog) -> None:
    report = stored.import_table(pl.read_csv(RAW, infer_schema_length=None), kind="figures")
    assert (report.added, report.known) == (0, 3017)
    assert report.rows > 3017
    assert "repeat a statement of another page" in report.warnings[0]
    assert_frame_equal(stored.figures(), load_figures())


def test_a_figure_of_ones_own_stands_beside_the_shipped_ones_of_its_market(stored: Catalog) -> None:
    own = pl.DataFrame(
        {
            "market": ["cn-cloud"],
            "research_house": ["canalys"],
            "period": ["2026Q1"],
            "providers": ["Huawei Cloud"],
            "measure": ["share"],
            "value": [0.21],
            "qualifier": ["about"],
            "decimals": [0],
            "published": ["2026-06-20"],
        }
    )
    before = stored.history("cn-cloud", "canalys", None)
    earlier = stored.history("cn-cloud", "canalys", date(2026, 6, 19))
    assert stored.import_table(own, kind="figures").added == 1
    assert stored.figures("cn-cloud", period=Quarter.parse("2026Q1"))["value"].to_list() == [0.21]
    after = stored.history("cn-cloud", "canalys", None)
    assert after.quarters[-1] == before.quarters[-1] + 1
    again = stored.history("cn-cloud", "canalys", date(2026, 6, 19))
    assert again.content_hash == earlier.content_hash
    assert again.smoothed.tobytes() == earlier.smoothed.tobytes()


def test_a_restated_share_counts_from_its_day_on_and_leaves_earlier_answers_alone(
    stored: Catalog, store: Store
) -> None:
    stored.import_table(widgets(), kind="shares")
    earlier = stored.history("widgets", "own", NOW.date())
    tomorrow = Catalog(load_figures(), load_breaks(), store, clock=lambda: NOW + timedelta(days=1))
    assert tomorrow.import_table(widgets(later=0.1), kind="shares").added == 2
    assert values(stored)[:2] == [0.4, 0.5]
    again = stored.history("widgets", "own", NOW.date())
    assert again.smoothed.tobytes() == earlier.smoothed.tobytes()
    now = stored.history("widgets", "own", None)
    assert now.smoothed[0, now.providers.index("Acme")] == pytest.approx(0.5, abs=0.02)


def test_amounts_become_shares_of_their_quarter(stored: Catalog) -> None:
    amounts = widgets().rename({"share": "value"}).with_columns(pl.col("value") * 250)
    stored.import_table(amounts, kind="shares", house="finance")
    assert values(stored)[0] == pytest.approx(0.4)
    kept = stored.figures(house="finance")
    assert kept.group_by("measure").len().sort("measure").rows() == [("amount", 8), ("share", 24)]
    assert kept.filter(pl.col("measure") == "amount")["value"].to_list() == pytest.approx([250.0] * 8)


def test_what_another_process_imports_is_seen_at_the_next_question(stored: Catalog, tmp_path: Path) -> None:
    stored.import_table(widgets(), kind="shares")
    before = stored.history("widgets", "own", None)
    assert stored.history("widgets", "own", None) is before  # kept
    with open_store(str(tmp_path / "new.db")) as other:
        Catalog.shipped(other).import_table(widgets(market="gadgets"), kind="shares")
        assert stored.history("widgets", "own", None) is before  # of another market
        assert "gadgets" in [info.market for info in stored.markets()]
        Catalog.shipped(other).import_table(widgets(later=0.1), kind="shares")
    after = stored.history("widgets", "own", None)
    assert after is not before
    assert values(stored)[:2] == [0.4, 0.5]


def test_threads_that_ask_while_others_import_get_whole_answers(stored: Catalog) -> None:
    stored.import_table(widgets(), kind="shares")
    faults: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                assert len(values(stored)) in range(8, 17)
                assert stored.history("widgets", "own", None).figures_used == 24
                assert {info.market for info in stored.markets()} >= {"widgets", "cn-cloud"}
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(5):
        stored.import_table(widgets(later=0.01 * (n + 1)), kind="shares")
        stored.import_table(widgets(market=f"m{n}"), kind="shares")
    done.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert values(stored)[:6] == [0.4, 0.41, 0.42, 0.43, 0.44, 0.45]


def test_a_market_without_the_usual_house_is_told_by_the_one_it_has(stored: Catalog) -> None:
    stored.import_table(widgets(), kind="shares", house="finance")
    assert stored.house_of("widgets") == "finance"
    assert stored.house_of("world-smartphones") == "canalys"  # though idc has more figures
    assert stored.history("widgets", "", None).house == "finance"


def test_what_is_not_there_is_told_with_what_is(stored: Catalog) -> None:
    stored.import_table(widgets(), kind="shares")
    with pytest.raises(
        NotFound, match=r"market 'gadgets' is not known; did you mean widgets. known: cn-cloud, widgets, world-cloud"
    ):
        stored.history("gadgets", "own", None)
    with pytest.raises(NotFound, match="house 'idc' is not known; known: own"):
        stored.history("widgets", "idc", None)
    with pytest.raises(NotEnoughData, match=r"market 'widgets' has too few quarters with data.*: 0, and"):
        stored.history("widgets", "own", date(2023, 1, 1))
    assert stored.figures("gadgets").is_empty()


def test_a_table_with_one_bad_row_is_refused_whole_and_the_row_named(stored: Catalog) -> None:
    bad = widgets().with_columns(share=pl.when(pl.int_range(pl.len()) == 16).then(1.4).otherwise("share"))
    with pytest.raises(InvalidTable, match=r"mine.csv: row 17: share is 1.4; expected "):
        stored.import_table(bad, kind="shares", name="mine.csv")
    assert stored.figures("widgets").is_empty()


def test_a_table_that_names_no_market_is_called_as_the_table_is(stored: Catalog) -> None:
    unnamed = widgets().drop("market")
    assert stored.import_table(unnamed, kind="shares", name="mine").markets == ("mine",)
    assert stored.import_table(unnamed, kind="shares").markets == ("table",)


@pytest.mark.parametrize(
    ("house", "request_id", "told"), [(" ", "", "house"), ("a\nb", "", "house"), ("own", "é", "request_id")]
)
def test_a_house_or_request_without_a_proper_name_is_refused(
    stored: Catalog, house: str, request_id: str, told: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"{told} is "):
        stored.import_table(widgets(), kind="shares", house=house, request_id=request_id)


def test_a_request_given_twice_is_done_once(stored: Catalog) -> None:
    first = stored.import_table(widgets(), kind="shares", request_id="r")
    assert stored.import_table(widgets(), kind="shares", request_id="r") == first
    with pytest.raises(AlreadyExists):
        stored.import_table(widgets(), kind="shares", request_id="r", house="finance")


def test_without_a_store_nothing_can_be_imported(catalog: Catalog) -> None:
    with pytest.raises(NoStore, match="the figures are those that ship, or of a file; start with --database"):
        catalog.import_table(widgets(), kind="shares")


def test_imports_work_on_either_database(database: str) -> None:
    with open_store(database) as store:
        stored = Catalog.shipped(store)
        assert stored.import_table(widgets(), kind="shares").added == 24
        assert stored.import_table(widgets(later=0.1), kind="shares").added == 2
        assert values(stored)[:2] == [0.4, 0.5]
        assert stored.history("widgets", "", None).figures_used == 24
