"""The sheet that an analyst has: a workbook, wide, with per cents as text, taken by every command as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from click.testing import Result

Run = Callable[..., Result]

QUARTERS = [f"{2021 + n // 4}Q{n % 4 + 1}" for n in range(14)]
SHARES = [(30 + 0.5 * n, 24 - 0.3 * n, 18.0, 12 - 0.2 * n) for n in range(14)]  # per cent; the rest is Others
VENDORS = ("Acme", "Borealis", "Cygnus", "Dorado", "Others")
NOTES = (
    "row 1 above the header is not used: 'Smartphones, share of shipments'",
    "'Q1 2021' read as 2021Q1",
    "the market is called 'phones', as the sheet names none",
)


@pytest.fixture(autouse=True)
def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five vendors over 14 quarters, in the folder where `run` runs, of a user who has imported nothing yet."""
    monkeypatch.delenv("SHARECAST_DATABASE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    path = tmp_path / "phones.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Shares")
        sheet.write_row(0, 0, ["Smartphones, share of shipments"])
        sheet.write_row(2, 0, ["Quarter", *VENDORS])
        for n, shares in enumerate(SHARES):
            cells = [f"{share:.1f}%" for share in (*shares, 100 - sum(shares))]
            sheet.write_row(3 + n, 0, [f"Q{n % 4 + 1} {2021 + n // 4}", *cells])
    return path


def test_read_shows_it_as_it_is_written(run: Run) -> None:
    result = run("read", "phones.xlsx")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == [
        "phones.xlsx: wide: a column per vendor, header in row 3; numbers are per cent",
        "",
        "market phones: 14 quarters from 2021Q1 to 2024Q2, 5 providers",
    ]
    assert result.stdout.splitlines()[-3:] == [f"note: {note}" for note in NOTES]
    assert "2024Q2   36.50 %   20.10 %  18.00 %   9.40 %  16.00 %" in result.stdout
    rows = json.loads(run("read", "phones.xlsx", "--format", "json").stdout)
    assert len(rows) == 70
    assert rows[0] == {"market": "phones", "period": "2021Q1", "provider": "Acme", "share": 0.3, "decimals": 1}


def test_one_command_gives_a_forecast_and_a_chart(run: Run, tmp_path: Path) -> None:
    result = run("forecast", "phones.xlsx", "--horizon", "2", "--chart", "c.svg")
    assert result.exit_code == 0
    assert "as given · 70 shares of a table of one's own" in result.stdout and "every figure" not in result.stdout
    assert result.stdout.startswith("phones, own: forecast of 2024Q3 to 2024Q4\norigin 2024Q2 ")
    assert result.stdout.rstrip().splitlines()[-3:] == [f"note: {note}" for note in NOTES]
    assert "chart: c.svg" in result.stderr
    chart = (tmp_path / "c.svg").read_text()
    assert chart.lstrip().startswith("<")
    assert all(vendor in chart for vendor in VENDORS)


def test_one_command_gives_a_report(run: Run, tmp_path: Path) -> None:
    result = run("report", "phones.xlsx", "--origins", "1", "--horizon", "1", "-o", "r.html")
    assert result.exit_code == 0, result.stderr
    assert "report: " in result.stderr
    page = (tmp_path / "r.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert all(word in page for word in ("phones", *VENDORS))


def test_an_import_is_forecast_as_the_file_and_as_in_a_batch(run: Run) -> None:
    imported = run("import", "phones.xlsx")
    assert imported.exit_code == 0
    assert imported.stdout.startswith("phones.xlsx: 70 row(s) of shares, 70 new, 0 known already; market phones\n")
    assert all(f"note: {note}" in imported.stderr for note in NOTES)
    asked = ("--horizon", "2", "--format", "json")
    of_file, of_import = (json.loads(run("forecast", name, *asked).stdout) for name in ("phones.xlsx", "phones"))
    assert run("batch", "phones.xlsx", "out.csv", "--horizon", "2").exit_code == 0
    of_batch = pl.read_csv("out.csv").to_dicts()
    assert len(of_file) == 10
    for other in (of_import, of_batch):
        for row, theirs in zip(of_file, other, strict=True):
            assert (theirs["provider"], theirs["period"]) == (row["provider"], row["period"])
            assert theirs["mean"] == pytest.approx(row["mean"], abs=1e-9)
            assert theirs["upper_95"] == pytest.approx(row["upper_95"], abs=1e-9)
    assert pl.read_csv("out.notes.csv").rows() == [("phones", note) for note in NOTES]
    assert "0 new, 70 known already" in run("import", "phones.xlsx").stdout


def test_history_prints_what_was_stated(run: Run) -> None:
    run("import", "phones.xlsx")
    for name in ("phones.xlsx", "phones"):
        rows = json.loads(run("history", name, "--format", "json").stdout)
        shown = {(row["period"], row["provider"]): (row["share"], row["status"]) for row in rows}
        assert len(shown) == 70
        for quarter, shares in zip(QUARTERS, SHARES, strict=True):
            for vendor, share in zip(VENDORS, shares, strict=False):
                assert shown[quarter, vendor] == (float(f"{share:.1f}e-2"), "reported")


def test_it_is_backtested(run: Run) -> None:
    result = run("backtest", "phones.xlsx", "--origins", "2", "--horizon", "1", "--models", "naive", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert {row["model"] for row in json.loads(result.stdout)} == {"naive"}
    assert all(f"note: phones: {note}" in result.stderr for note in NOTES)


@pytest.mark.parametrize("command", ["forecast", "history", "backtest", "batch", "import", "report"])
def test_a_market_that_a_file_does_not_have_is_refused_with_those_it_has(
    run: Run, tmp_path: Path, command: str
) -> None:
    rows = [("tablets", f"2021Q{q}", name, share) for q in (1, 2, 3) for name, share in (("A", 0.4), ("B", 0.6))]
    schema = ["market", "period", "provider", "share"]
    pl.DataFrame(rows, schema=schema, orient="row").write_csv(tmp_path / "t.csv")
    more = {"batch": ["o.csv"], "report": ["--output", "r.html"]}.get(command, [])
    result = run(command, "t.csv", *more, "--market", "watches")
    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert "--market is 'watches'; allowed: one of the 1 markets of t.csv: tablets" in told
