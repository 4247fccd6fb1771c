"""Imports that replace, and withdrawals: what counts afterwards, and that the past stays as it was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument, InvalidTable, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.name_changes import NameChange
from forecast.quarter import Quarter
from service.catalog import Catalog
from service.errors import AlreadyExists, NoStore
from service.queries import WithdrawQuery
from service.results import CellChange, WithdrawnRows
from service.store import Store, open_store

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
DAYS = [date(2021, 7, 1) + timedelta(days=30 * n) for n in range(4)]


class Desk:
    """A catalog of a store, whose clock moves on by a minute with every use."""

    def __init__(self, store: Store) -> None:
        self._ticks = count()
        self.catalog = Catalog(load_figures(), load_breaks(), store, clock=self.tick)

    def tick(self) -> datetime:
        return NOW + timedelta(minutes=next(self._ticks))

    def forced(self, market: str, as_of: date | None = None, recorded_by: datetime | None = None) -> pl.DataFrame:
        """What counts, without the ids, which are those of the statements."""
        try:
            found = self.catalog.figures_in_force(market, as_of, recorded_by)
        except NotFound:
            return load_figures().clear().drop("figure_id")
        return found.drop("figure_id")

    def told(self, market: str, **asked: datetime) -> list[tuple[str, str, float]]:
        return self.forced(market, **asked).select("period", "providers", "value").rows()


def table(market: str, *rows: tuple[object, ...], names: str = "period provider share") -> pl.DataFrame:
    return pl.DataFrame([(market, *row) for row in rows], schema=["market", *names.split()], orient="row")


RIGHT = (("2020Q1", "Acme", 0.3), ("2020Q1", "Bolt", 0.2), ("2020Q2", "Acme", 0.31), ("2020Q2", "Bolt", 0.19))
WRONG = (("2020Q1", "Acme", 0.15), ("2020Q1", "Bolt", 0.2), ("2020Q1", "Total", 0.5), ("2020Q2", "Acme", 0.31))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One database for many examples, each of a market of its own."""
    with open_store(str(tmp_path_factory.mktemp("store") / "shared.db")) as store:
        yield Desk(store)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with open_store(database) as store:
        yield Desk(store)


_markets = (f"market {n}" for n in count())


def row() -> st.SearchStrategy[tuple[object, ...]]:
    day = st.none() | st.sampled_from(DAYS)
    return st.tuples(
        st.sampled_from(["2020Q1", "2020Q2", "2020Q3"]),
        st.sampled_from(["Acme", "Bolt", "Crux"]),
        st.sampled_from([0.1, 0.2, 0.25, 0.3]),
        st.none() | st.integers(0, 2),
        day,
    )


def rows() -> st.SearchStrategy[list[tuple[object, ...]]]:
    return st.lists(row(), min_size=1, max_size=6, unique_by=lambda r: (r[0], r[1], r[4]))


def act() -> st.SearchStrategy[tuple[str, object]]:
    selection = st.fixed_dictionaries(
        {}, optional={"provider": st.sampled_from(["Acme", "Bolt"]), "period": st.sampled_from(["2020Q1", "2020Q2"])}
    )
    return st.one_of(
        st.tuples(st.just("import"), rows()),
        st.tuples(st.just("replace"), rows()),
        st.tuples(st.just("withdraw"), selection),
        st.tuples(st.just("withdraw import"), st.integers(0, 5)),
        st.tuples(st.just("rename"), st.sampled_from([("Acme", "Bolt"), ("Bolt", "Crux"), ("Crux", "Acme")])),
        st.tuples(st.just("withdraw names"), st.none()),
    )


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """With the types of the two columns that may be empty."""
    return frame.cast({"decimals": pl.Int64, "published_at": pl.Date})


COLUMNS = "period provider share decimals published_at"


@settings(max_examples=30)
@given(st.lists(act(), min_size=2, max_size=7))
def test_no_answer_of_an_earlier_moment_ever_changes(shared: Desk, acts: list[tuple[str, object]]) -> None:
    market, imports = next(_markets), list[str]()
    seen: list[tuple[datetime, date | None, pl.DataFrame, pl.DataFrame]] = []
    for kind, what in acts:
        catalog = shared.catalog
        try:
            if kind in ("import", "replace"):
                frame = typed(table(market, *what, names=COLUMNS))  # type: ignore[misc]
                report = catalog.import_table(frame, kind="shares", replace=kind == "replace")
                imports.append(report.import_id)
            elif kind == "rename":
                frame = table(market, (*what, "renamed"), names="provider into kind")  # type: ignore[misc]
                imports.append(catalog.import_table(frame, kind="names").import_id)
            elif kind == "withdraw import":
                number = int(imports[int(str(what))]) if int(str(what)) < len(imports) else 10**6
                catalog.withdraw(WithdrawQuery(import_id=number))
            elif kind == "withdraw names":
                catalog.withdraw(WithdrawQuery(market=market, kind="names"))
            else:
                catalog.withdraw(WithdrawQuery(market=market, **what))  # type: ignore[arg-type]
        except (InvalidArgument, NotFound) as refused:
            assert kind.startswith("withdraw"), refused
        except InvalidTable as refused:
            assert "declared to be one provider" in str(refused), refused
        moment = shared.tick()
        for day in (None, DAYS[1]):
            seen.append((moment, day, shared.forced(market, day), catalog.figures(market, as_of=day)))
    for moment, day, in_force, everything in seen:
        assert_frame_equal(shared.forced(market, day, moment), in_force)
        assert_frame_equal(shared.catalog.figures(market, as_of=day, recorded_by=moment), everything)


@settings(max_examples=20)
@given(st.lists(rows(), max_size=3), rows())
def test_a_table_that_replaces_leaves_what_it_alone_would_have_given(
    shared: Desk, earlier: list[list[tuple[object, ...]]], right: list[tuple[object, ...]]
) -> None:
    market, alone = next(_markets), next(_markets)
    for wrong in earlier:
        shared.catalog.import_table(typed(table(market, *wrong, names=COLUMNS)), kind="shares")
    for name in (market, alone):
        given = typed(table(name, *right, names=COLUMNS))
        looked = shared.catalog.import_table(given, kind="shares", replace=True, validate_only=True)
        report = shared.catalog.import_table(given, kind="shares", replace=True)
        assert (report.added, report.known, report.restated, report.superseded, report.changes) == (
            (looked.added, looked.known, looked.restated, looked.superseded, looked.changes)
        )
        assert report.added + report.known == len(right)
    for day in (None, *DAYS):
        ours, theirs = (shared.forced(name, day).drop("market") for name in (market, alone))
        assert_frame_equal(ours, theirs)


def test_the_report_tells_what_is_new_known_restated_and_superseded(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *WRONG), kind="shares")
    looked = desk.catalog.import_table(table("m", *RIGHT), kind="shares", replace=True, validate_only=True)
    assert (looked.added, looked.known, looked.restated, looked.superseded) == (2, 2, 1, 1)
    assert looked.changes == (
        CellChange("m", "own", "2020Q1", ("Acme",), "share", 0.15, 0, 0.3, 0),
        CellChange("m", "own", "2020Q1", ("Total",), "share", 0.5, 0, None, None),
    )
    assert [str(change) for change in looked.changes] == [
        "m, own: 2020Q1 Acme 15 % -> 30 %",
        "m, own: 2020Q1 Total 50 % -> nothing",
    ]
    assert desk.told("m") == sorted(WRONG)
    kept = desk.catalog.import_table(table("m", *RIGHT), kind="shares", replace=True)
    assert kept.import_id == "2"
    assert desk.told("m") == sorted(RIGHT)


def test_names_that_a_table_leaves_behind_are_told_with_the_way_out(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *WRONG), kind="shares")
    report = desk.catalog.import_table(table("m", *RIGHT), kind="shares")
    (told,) = [text for text in report.warnings if "earlier imports" in text]
    assert told.startswith(
        "m: earlier imports of own name Total in 1 quarter(s) of this table, which does not, and they"
    )
    assert "--replace" in told and "sharecast withdraw" in told
    other = desk.catalog.import_table(table("m", *RIGHT), kind="shares", house="finance")
    assert not [text for text in other.warnings if "earlier imports" in text]
    desk.catalog.import_table(table("n", ("2020Q1", "Acme", 0.3), ("2020Q1", "Old", 0.2)), kind="shares")
    renamed = NameChange("Old", "Bolt", "renamed")
    again = desk.catalog.import_table(table("n", *RIGHT), kind="shares", name_changes=[renamed])
    assert not [text for text in again.warnings if "earlier imports" in text]


def test_a_replacement_leaves_other_houses_markets_and_published_figures_alone(desk: Desk) -> None:
    for market, house in (("m", "own"), ("m", "finance"), ("n", "own")):
        desk.catalog.import_table(table(market, *WRONG), kind="shares", house=house)
    desk.catalog.import_table(table("m", *RIGHT), kind="shares", replace=True)
    assert desk.catalog.figures("m", "finance").height == desk.catalog.figures("n", "own").height == 4
    with pytest.raises(InvalidArgument, match="replace is True; allowed: False but for shares; withdraw what is wrong"):
        desk.catalog.import_table(table("m", *RIGHT), kind="figures", replace=True)


def test_a_correction_of_decimals_alone_is_a_restatement_where_they_are_given(desk: Desk) -> None:
    columns = "period provider share decimals"
    desk.catalog.import_table(table("m", ("2020Q1", "Acme", 0.3, 0), names=columns), kind="shares")
    assert desk.catalog.import_table(table("m", ("2020Q1", "Acme", 0.3)), kind="shares").known == 1
    finer = table("m", ("2020Q1", "Acme", 0.3, 1), names=columns)
    report = desk.catalog.import_table(finer, kind="shares")
    assert (report.added, report.restated, str(report.changes[0])) == (1, 1, "m, own: 2020Q1 Acme 30 % -> 30.0 %")
    assert desk.forced("m")["decimals"].to_list() == [1]
    assert desk.catalog.import_table(finer, kind="shares").known == 1
    # worked out from a table with finer shares, they restate nothing
    more = table("m", ("2020Q1", "Acme", 0.3), ("2020Q2", "Acme", 0.3123))
    assert desk.catalog.import_table(more, kind="shares").added == 1


def test_a_withdrawal_ends_what_fits_and_says_what_that_was(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *WRONG), kind="shares")
    desk.catalog.import_table(table("m", ("2020Q1", "Acme", 0.3)), kind="shares")
    looked = desk.catalog.withdraw(WithdrawQuery(market="m", provider="Total", validate_only=True))
    assert (looked.import_id, looked.rows, looked.markets) == ("", 1, ("m",))
    assert len(desk.told("m")) == 4
    report = desk.catalog.withdraw(WithdrawQuery(market="m", provider="Total"))
    assert report.withdrawn == (WithdrawnRows("m", "own", "shares", 1, "2020Q1", "2020Q1", ("Total",)),)
    assert report.import_id == "3"
    # the restatement goes, and what it restated holds again
    again = desk.catalog.withdraw(WithdrawQuery(import_id=2))
    assert again.changes == (CellChange("m", "own", "2020Q1", ("Acme",), "share", 0.3, 0, 0.15, 0),)
    assert ("2020Q1", "Acme", 0.15) in desk.told("m")
    rest = desk.catalog.withdraw(WithdrawQuery(market="m", house="own"))
    assert (rest.rows, rest.withdrawn[0].providers) == (3, ("Acme", "Bolt"))
    assert "m" not in [info.market for info in desk.catalog.markets()]
    with pytest.raises(NotFound, match="market 'm' is not known; known: cn-cloud, world-cloud, world-smartphones"):
        desk.catalog.history("m", "own", None)
    assert desk.catalog.import_table(table("m", *RIGHT), kind="shares").added == 4
    assert "m" in [info.market for info in desk.catalog.markets()]


def test_what_cannot_be_withdrawn_is_told_with_what_can(desk: Desk) -> None:
    def refused(error: type[Exception], told: str, **asked: object) -> None:
        with pytest.raises(error, match=told):
            desk.catalog.withdraw(WithdrawQuery(**asked))  # type: ignore[arg-type]

    refused(NotFound, "import '1' is not known; known: none", import_id=1)
    desk.catalog.import_table(table("m", *RIGHT), kind="shares")
    desk.catalog.import_table(table("m", *RIGHT), kind="shares")
    refused(InvalidArgument, "market is ''; allowed: the market whose rows are to go")
    refused(InvalidArgument, "period is 'soon'; allowed: a quarter such as 2020Q3", market="m", period="soon")
    refused(NotFound, "import '7' is not known; known: 1, 2", import_id=7)
    refused(
        InvalidArgument, "import_id is 2; allowed: an import with rows that still count; this one brought", import_id=2
    )
    refused(NotFound, "imported market 'n' is not known; known: m", market="n")
    shipped = "market is 'cn-cloud'; allowed: a market of imported rows, m; figures that come with Sharecast cannot be"
    refused(InvalidArgument, shipped, market="cn-cloud")
    refused(NotFound, "imported provider 'Total' is not known; known: Acme, Bolt", market="m", provider="Total")
    near = r"imported period '2020Q3' is not known; did you mean 2020Q2\? known: 2020Q1, 2020Q2"
    refused(NotFound, near, market="m", period="2020Q3")
    refused(InvalidArgument, "kind is 'names'; allowed: shares, of which imported rows", market="m", kind="names")
    assert desk.catalog.withdraw(WithdrawQuery(import_id=1)).rows == 4
    refused(InvalidArgument, "of this one all are withdrawn or replaced", import_id=1)
    refused(InvalidArgument, "import_id is 3; allowed: an import; this is a withdrawal", import_id=3)
    with pytest.raises(NoStore):
        Catalog.shipped().withdraw(WithdrawQuery(market="m"))


def test_a_later_import_that_only_repeated_what_goes_is_told(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *RIGHT), kind="shares")
    desk.catalog.import_table(table("m", *RIGHT[:2]), kind="shares")
    (told,) = desk.catalog.withdraw(WithdrawQuery(import_id=1)).warnings
    assert told.startswith("import 2 repeated 2 row(s) known before, which were not kept twice: import its table again")


def test_a_withdrawal_asked_for_again_is_done_once(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *RIGHT), kind="shares", request_id="i")
    query = WithdrawQuery(market="m", provider="Bolt", request_id="w")
    first = desk.catalog.withdraw(query)
    assert desk.catalog.withdraw(query) == first
    with pytest.raises(AlreadyExists, match="other rows were withdrawn with it"):
        desk.catalog.withdraw(WithdrawQuery(market="m", request_id="w"))
    with pytest.raises(AlreadyExists, match="other rows were withdrawn with it"):
        desk.catalog.import_table(table("m", *RIGHT), kind="shares", request_id="w")
    with pytest.raises(AlreadyExists, match="another table of shares was imported with it"):
        desk.catalog.withdraw(WithdrawQuery(market="m", request_id="i"))
    again = desk.catalog.import_table(table("m", *WRONG), kind="shares", replace=True, request_id="r")
    assert (again.added, again.known, again.restated, len(again.changes)) == (3, 1, 1, 1)
    assert desk.catalog.import_table(table("m", *WRONG), kind="shares", replace=True, request_id="r") == again
    with pytest.raises(AlreadyExists):
        desk.catalog.import_table(table("m", *WRONG), kind="shares", request_id="r")


def test_a_figure_found_later_changes_the_answer_of_its_day_but_not_that_of_the_moment(desk: Desk) -> None:
    def figure(period: str, provider: str, value: float, day: str) -> dict[str, object]:
        said = {"measure": "share", "value": value, "qualifier": "exact", "decimals": 1, "published": day}
        return {"market": "cn-cloud", "research_house": "canalys", "period": period, "providers": provider, **said}

    day = date(2021, 1, 15)
    before = desk.catalog.history("cn-cloud", "canalys", day)
    moment = desk.tick()
    late = pl.DataFrame([figure("2020Q3", "Tencent Cloud", 0.22, "2020-12-20")])
    assert desk.catalog.import_table(late, kind="figures").added == 1
    after = desk.catalog.history("cn-cloud", "canalys", day)
    assert after.content_hash != before.content_hash
    again = desk.catalog.history("cn-cloud", "canalys", day, moment)
    assert again.content_hash == before.content_hash
    assert again.smoothed.tobytes() == before.smoothed.tobytes()
    assert desk.catalog.history("cn-cloud", "canalys", day, desk.tick()).content_hash == after.content_hash
    desk.catalog.withdraw(WithdrawQuery(market="cn-cloud", provider="Tencent Cloud"))
    assert desk.catalog.history("cn-cloud", "canalys", day).content_hash == before.content_hash


def test_the_usual_house_of_a_moment_is_that_of_what_was_there(desk: Desk) -> None:
    desk.catalog.import_table(table("m", *RIGHT), kind="shares", house="finance")
    moment = desk.tick()
    desk.catalog.import_table(table("m", *RIGHT, ("2020Q3", "Acme", 0.3)), kind="shares", house="own")
    assert desk.catalog.history("m", "", None).house == "own"
    assert desk.catalog.history("m", "", None, moment).house == "finance"


def test_changes_of_names_are_kept_with_a_table_or_alone_and_end_as_rows_do(desk: Desk) -> None:
    renamed = NameChange("Bolt", "Nut", "renamed", Quarter.parse("2020Q2"))
    both = pl.concat([table("m", *RIGHT), table("n", ("2020Q1", "Acme", 0.5))])
    report = desk.catalog.import_table(both, kind="shares", name_changes=[renamed])
    assert (report.added, report.name_changes) == (5, 1)
    (kept,) = desk.catalog.name_changes("m")
    assert (kept.market, kept.into, kept.published_at) == ("m", "Nut", NOW.date())
    assert desk.catalog.name_changes("n") == ()
    moment = desk.tick()
    assert {name for _, name, _ in desk.told("m")} == {"Acme", "Nut"}
    assert desk.catalog.figures("m")["providers"].unique().sort().to_list() == ["Acme", "Bolt"]
    again = desk.catalog.import_table(both, kind="shares", name_changes=[renamed])
    assert (again.added, again.known, again.name_changes) == (0, 5, 0)
    gone = desk.catalog.withdraw(WithdrawQuery(market="m", kind="names"))
    assert gone.withdrawn == (WithdrawnRows("m", "", "names", 1, "2020Q2", "2020Q2", ("Bolt",)),)
    assert {name for _, name, _ in desk.told("m")} == {"Acme", "Bolt"}
    assert {name for _, name, _ in desk.told("m", recorded_by=moment)} == {"Acme", "Nut"}
    with pytest.raises(InvalidArgument, match="no market of it has Rigel or Vega"):
        desk.catalog.import_table(both, kind="shares", name_changes=[NameChange("Rigel", "Vega", "renamed")])
    rows = table("m", ("Bolt", "Acme", "merged", "2020Q2"), names="provider into kind period")
    alone = desk.catalog.import_table(rows, kind="names")
    assert (alone.kind, alone.rows, alone.added, alone.name_changes, alone.markets) == ("names", 1, 1, 1, ("m",))
    assert desk.catalog.history("m", "own", None).share[-1, 0] == pytest.approx(0.31 + 0.19, abs=0.01)
    with pytest.raises(InvalidArgument, match="a change of one market, beside rows of changes"):
        desk.catalog.import_table(rows, kind="names", name_changes=[renamed])


def test_an_entry_is_never_recorded_before_what_is_there(tmp_path: Path) -> None:
    moments = iter([NOW, NOW - timedelta(minutes=30), NOW - timedelta(hours=9)])
    with open_store(str(tmp_path / "new.db")) as store:
        catalog = Catalog(load_figures(), load_breaks(), store, clock=lambda: next(moments))
        for n, market in enumerate("abc"):
            catalog.import_table(table(market, *RIGHT), kind="shares")
            found = store.figures(market, recorded_by=NOW - timedelta(seconds=1)).height
            assert found == (4 if n == 2 else 0)  # hours behind it is the other clock that was wrong


def test_a_withdrawal_of_one_provider_of_amounts_tells_that_the_totals_stay(shared: Desk) -> None:
    rows = [("2020Q1", "Acme", 30.0), ("2020Q1", "Bolt", 20.0), ("2020Q2", "Acme", 31.0), ("2020Q2", "Bolt", 19.0)]
    shared.catalog.import_table(table("kept-totals", *rows, names="period provider value"), kind="shares")
    asked = WithdrawQuery(market="kept-totals", provider="Acme", validate_only=True)
    (warning,) = shared.catalog.withdraw(asked).warnings
    assert warning.startswith(
        "the totals of kept-totals in 2 quarter(s), from 2020Q1 on, still count what is withdrawn"
    )
    everything = WithdrawQuery(market="kept-totals", validate_only=True)
    assert shared.catalog.withdraw(everything).warnings == ()


def test_a_change_kept_with_a_table_that_misspells_its_provider_is_told(shared: Desk) -> None:
    given = (NameChange("Acmee", "Bolt", "merged", Quarter.parse("2020Q3")),)
    report = shared.catalog.import_table(table("misspelt", *RIGHT), kind="shares", name_changes=given)
    (told,) = [warning for warning in report.warnings if "Acmee" in warning]
    assert told == (
        "nothing is known of Acmee in misspelt, though Acmee is part of Bolt from 2020Q3 on; did you mean Acme?"
    )
