import re
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from forecast.diff import Effect
from forecast.errors import NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.report import Report, make_report


@pytest.fixture(scope="module")
def china() -> Report:
    return make_report(load_figures(), load_breaks(), market="cn-cloud", as_of=date(2021, 9, 30), horizon=4, origins=3)


def test_a_report_says_all_it_should(china: Report) -> None:
    page = china.to_html().decode()
    titles = re.findall(r"<section>\n<h2>(.*?)</h2>", page)
    assert titles == [
        "League table",
        "How probable it is",
        "What providers sell",
        "What changed since the quarter before",
        "How good forecasts of this market have been",
        "Doubts in the figures",
        "Provenance",
    ]
    assert china.forecast.history is not None
    assert china.forecast.history.content_hash in page
    assert "Huawei Cloud overtakes Alibaba Cloud by 2022Q2" in page
    assert "Herfindahl" in page and "skill against naive" in page
    assert page.count("<figure>") == len(china.forecast.providers)


def test_every_new_statement_is_in_the_table_or_counted_by_its_effect(china: Report) -> None:
    assert china.changes is not None
    some = next(told for told in china.changes.statements if told.effect is not None)
    seen = replace(some, effect=Effect(0.01, 0.02, "Alibaba Cloud", china.forecast.origin))
    silent = replace(some, effect=Effect(1e-6, 2e-6, "Alibaba Cloud", china.forecast.origin))
    many = replace(china, changes=replace(china.changes, statements=(*[seen] * 15, *[silent] * 4)))
    page = many.to_html().decode()
    assert page.count("+2.00 (Alibaba Cloud)") == 12
    assert "3 more with a smaller effect" in page and "4 more changed it by less than 0.01 points" in page


def test_a_report_knows_nothing_of_what_came_later(china: Report) -> None:
    assert china.forecast.history is not None and china.forecast.history.vintage is not None
    assert china.forecast.history.vintage <= date(2021, 9, 30)
    assert china.changes is not None and china.changes.later <= date(2021, 9, 30)
    assert china.backtest is not None and china.backtest.last_origin < china.forecast.origin
    published = china.doubtful["published_at"].max()
    assert isinstance(published, date) and published <= date(2021, 9, 30)


def test_a_report_loads_nothing_and_its_numbers_are_the_forecast_s(china: Report) -> None:
    page = china.to_html().decode()
    assert re.search(r'(?:src|href)="(?!data:)', page) is None
    assert "default-src 'none'" in page
    k = china.forecast.providers.index("Alibaba Cloud")
    assert f"{100 * china.forecast.mean[-1, k]:.1f}\N{NO-BREAK SPACE}%" in page


def test_what_is_missing_is_told_and_not_invented() -> None:
    first = make_report(load_figures(), load_breaks(), market="cn-cloud", as_of=date(2019, 12, 31), horizon=2)
    page = first.to_html().decode()
    assert first.backtest is None
    assert "There is no earlier origin with something to score on." in page


def test_an_unknown_market_is_named() -> None:
    with pytest.raises(NotFound, match="market 'moon'"):
        make_report(load_figures(), load_breaks(), market="moon")
    with pytest.raises(NotEnoughData, match="as of 1999-01-01"):
        make_report(load_figures(), load_breaks(), market="cn-cloud", as_of=date(1999, 1, 1))


def test_what_providers_sell_is_told_where_totals_are_published(china: Report) -> None:
    sold = china.revenue
    assert sold is not None
    page = china.to_html().decode().replace("\N{NO-BREAK SPACE}", " ")
    cells = re.search(r"<td>Market</td>(.*?)</tr>", page)
    assert cells is not None
    found = re.findall(r"<td>(.*?)</td>", cells[1])
    assert found[0] == f"{sold.past[-1, -1]:,.2f}" and sold.totals.quarters[-1] == sold.origin
    assert found[1] == f"{sold.amounts.mean[3, -1]:,.2f}"
    assert found[2] == f"{100 * sold.growths.median[3, -1]:+.0f} %"
    assert found[4] == f"{sold.amounts.lower[-1, -1, -1]:,.2f} to {sold.amounts.upper[-1, -1, -1]:,.2f}"
    assert "What providers sell" not in replace(china, revenue=None).to_html().decode()
    other = make_report(
        load_figures().filter(~pl.col("providers").str.contains("TOTAL")),
        load_breaks(),
        market="cn-cloud",
        as_of=date(2021, 9, 30),
        horizon=1,
        origins=1,
    )
    assert other.revenue is None
