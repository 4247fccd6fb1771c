"""DiffForecasts and RenderReport, and the commands that ask a server for what they also make here."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from google.protobuf.descriptor_pb2 import MethodOptions
from polars.testing import assert_frame_equal

from forecast.diff import forecast_changes
from forecast.figures import load_breaks, load_figures
from forecast.report import make_report
from service.client import AsyncClient, Client, InvalidArgument, NotFound
from service.server import Server
from service.server.front import _SERVICES

EARLIER, LATER = date(2020, 9, 15), date(2020, 12, 15)
WRITING = {"ImportFigures", "WithdrawFigures", "CreateForecastJob", "CancelForecastJob"}


def test_what_changed_between_two_days_is_what_the_library_finds(client: Client) -> None:
    found = client.diff_forecasts("cn-cloud", earlier="2020-09-15", later=LATER, horizon=2, levels=(0.9, 0.5), seed=3)
    own = forecast_changes(
        load_figures(),
        load_breaks(),
        market="cn-cloud",
        earlier=EARLIER,
        later=LATER,
        horizon=2,
        levels=(0.5, 0.9),
        seed=3,
    )
    assert_frame_equal(found.to_frame(), own.to_frame(), check_exact=True)
    assert_frame_equal(found.statements_frame(), own.statements_frame(), check_exact=True)
    assert (found.statements, found.breaks, found.releases) == (own.statements, own.breaks, own.releases)
    assert found.statements
    assert found.releases
    assert (found.change, found.providers, found.quarters) == (own.change, own.providers, own.quarters)
    assert (found.before.as_of, found.after.as_of) == (EARLIER, LATER)
    assert found.after.warnings == own.after.warnings
    assert (found.market, found.house, found.earlier, found.later) == ("cn-cloud", "canalys", EARLIER, LATER)


def test_a_report_is_the_page_that_the_library_makes(server: Server) -> None:
    async def ask() -> str:
        async with AsyncClient(server.address) as client:
            return await client.render_report("cn-cloud", as_of="2020-12-31", horizon=2, origins=1)

    own = make_report(
        load_figures(), load_breaks(), market="cn-cloud", as_of=date(2020, 12, 31), horizon=2, origins=1
    ).to_html()
    assert asyncio.run(ask()) == own.decode()


def test_days_and_numbers_that_cannot_be_are_refused_by_name(client: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"earlier is '2020-13-01'; allowed: a date such as"):
        client.diff_forecasts("cn-cloud", earlier="2020-13-01", later=LATER)
    with pytest.raises(InvalidArgument, match="later is '2020-09-15'; allowed: a day after the earlier one"):
        client.diff_forecasts("cn-cloud", earlier=EARLIER, later=EARLIER)
    with pytest.raises(InvalidArgument, match="horizon is 41"):
        client.diff_forecasts("cn-cloud", earlier=EARLIER, later=LATER, horizon=41)
    with pytest.raises(InvalidArgument, match="levels"):
        client.diff_forecasts("cn-cloud", earlier=EARLIER, later=LATER, levels=[i / 200 for i in range(1, 102)])
    with pytest.raises(NotFound, match="cn-clout"):
        client.diff_forecasts("cn-clout", earlier=EARLIER, later=LATER)
    with pytest.raises(InvalidArgument, match="origins is 401; allowed: 1 to 400"):
        client.render_report("cn-cloud", origins=401)
    with pytest.raises(InvalidArgument, match="origins is 0; allowed: 1 to 400"):
        client.render_report("cn-cloud", origins=0)
    with pytest.raises(InvalidArgument, match="horizon is -1"):
        client.render_report("cn-cloud", horizon=-1)


def test_a_method_is_marked_as_reading_if_and_only_if_it_changes_nothing() -> None:
    marked = {
        method.name: method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        for service in _SERVICES
        for method in service.methods
    }
    assert {name for name, reads in marked.items() if not reads} == WRITING


ASKED = (
    ("markets",),
    ("history", "cn-cloud", "--as-of", "2020-12-31"),
    ("figures", "cn-cloud", "--quarter", "2020Q3"),
    ("backtest", "cn-cloud", "--origins", "2", "--horizon", "2", "--models", "naive"),
    ("diff", "cn-cloud", "--from", "2020-09-15", "--to", "2020-12-15", "--horizon", "2", "--rows", "figures"),
    ("forecast", "cn-cloud", "--horizon", "2"),
)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked[0])
def test_a_command_that_asks_a_server_gives_the_rows_it_would_make_here(
    server: Server, run: Callable[..., Result], asked: tuple[str, ...]
) -> None:
    here = run(*asked, "--format", "csv", "--database", "none")
    there = run(*asked, "--format", "csv", "--address", server.address)
    assert (there.exit_code, here.exit_code) == (0, 0), there.output
    assert there.stdout == here.stdout
    assert len(there.stdout.splitlines()) > 3
    refused = run(*asked, "--database", "none", "--address", server.address)
    assert refused.exit_code == 2
    assert "--database is for this machine, and a server at --address does not read it" in refused.output


def test_a_file_of_one_market_is_backtested_by_a_server_and_one_to_report_on_is_refused(
    server: Server, run: Callable[..., Result], tmp_path: Path
) -> None:
    rows = (
        f"20{20 + n // 4}Q{n % 4 + 1},Acme,{0.5 + n / 100}\n20{20 + n // 4}Q{n % 4 + 1},Others,{0.5 - n / 100}\n"
        for n in range(12)
    )
    (tmp_path / "sheet.csv").write_text("period,provider,share\n" + "".join(rows))
    asked = ("backtest", "sheet.csv", "--origins", "2", "--models", "naive", "--horizon", "2", "--format", "csv")
    there = run(*asked, "--address", server.address)
    assert there.exit_code == 0, there.output
    assert there.stdout == run(*asked).stdout
    for command in (("report", "sheet.csv", "-o", "r.html"), ("history", "sheet.csv")):
        refused = run(*command, "--address", server.address)
        assert refused.exit_code == 2
        assert "asked for a MARKET, not for a FILE" in " ".join(refused.output.split())


def test_a_report_of_a_server_is_written_where_it_is_asked_for(
    server: Server, run: Callable[..., Result], tmp_path: Path
) -> None:
    asked = ("report", "cn-cloud", "--as-of", "2020-12-31", "--origins", "1", "--horizon", "2")
    result = run(*asked, "-o", "there.html", "--address", server.address)
    assert result.exit_code == 0, result.output
    assert f"report: {tmp_path}/there.html" in result.stderr.replace("\n", "")
    assert run(*asked, "-o", "here.html", "--database", "none").exit_code == 0
    assert (tmp_path / "there.html").read_bytes() == (tmp_path / "here.html").read_bytes()
