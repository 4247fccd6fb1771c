"""A wrong import put right, and names that changed, by command."""

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has imported nothing yet."""
    monkeypatch.delenv("SHARECAST_DATABASE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def units(*, misspelt: bool = False, since: int = 12, into: str = "Cygnus") -> pl.DataFrame:
    """Units of twelve quarters, a thousand in each; from quarter `since` on Cygnus is `into`.

    Where `misspelt`, Borealsi, whom there is not, has 250 more.
    """
    rows = []
    for n in range(12):
        cells = {"Acme": 341 - 5 * n, "Borealis": 180 + 6 * n, "Cygnus": 122 - 2 * n, "Others": 357 + n}
        if n >= since:
            cells[into] = cells.get(into, 0) + cells.pop("Cygnus")
        if misspelt:
            cells["Borealsi"] = 250
        rows += [("phones", f"{2021 + n // 4}Q{n % 4 + 1}", name, value) for name, value in cells.items()]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "value"], orient="row")


def forecast(run: Run, database: str, *more: str) -> str:
    result = run("forecast", "phones", "--database", database, "--horizon", "1", "--format", "csv", *more)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_the_right_table_with_replace_gives_what_it_alone_would_have_given(run: Run, tmp_path: Path) -> None:
    units(misspelt=True).write_csv(tmp_path / "wrong.csv")
    units().write_csv(tmp_path / "right.csv")
    assert run("import", "wrong.csv", "--database", "x.db").exit_code == 0
    wrong = forecast(run, "x.db")
    assert "Borealsi" in wrong
    plain = run("import", "right.csv", "--database", "x.db", "--validate-only")
    assert "note: phones: earlier imports of own name Borealsi in 12 quarter(s) of this table" in plain.stderr
    looked = run("import", "right.csv", "--database", "x.db", "--replace", "--validate-only")
    assert "60 new, 0 known already; market phones\n60 restated\n12 of earlier imports superseded" in looked.stdout
    assert re.search(r"^  phones, own: 2021Q1 Acme 27\.280* % -> 34\.10* %$", looked.stdout, re.MULTILINE)
    assert looked.stdout.endswith("  and 52 more\nnothing was kept, as asked\n")
    assert forecast(run, "x.db") == wrong
    assert "kept in x.db as import 2" in run("import", "right.csv", "--database", "x.db", "--replace").stdout
    run("import", "right.csv", "--database", "alone.db")
    assert forecast(run, "x.db") == forecast(run, "alone.db")
    ended = run("history", "phones", "--database", "x.db", "--recorded-by", "2020-01-01")
    assert "recorded by 2020-01-01" in ended.stderr


def test_an_import_and_a_name_are_withdrawn(run: Run, tmp_path: Path) -> None:
    units(misspelt=True).write_csv(tmp_path / "wrong.csv")
    run("import", "wrong.csv", "--database", "x.db")
    asked = ("withdraw", "--database", "x.db", "--market", "phones", "--provider", "Borealsi")
    row = "12 row(s) of shares: phones, own, 2021Q1 to 2023Q4, Borealsi\n"
    assert run(*asked, "--validate-only").stdout == f"{row}nothing was withdrawn, as asked\n"
    assert run(*asked).stdout == f"{row}withdrawn from x.db as entry 2\n"
    again = run(*asked)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "Error: imported provider 'Borealsi' is not known; did you mean Borealis? known: Acme, " in again.stderr
    assert "Borealsi" not in forecast(run, "x.db")
    assert "60 row(s) of shares" in run("withdraw", "--import-id", "1", "--database", "x.db").stdout
    assert "'phones' is not known" in run("forecast", "phones", "--database", "x.db").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("withdraw", "--database", "x.db"), "Say which rows: give --import-id or --market"),
        (("withdraw", "--market", "m", "--provider", ""), "--provider is empty; give what is to be withdrawn"),
        (("withdraw", "--market", "m", "--database", "none"), "database is 'none'; allowed: a database"),
        (("withdraw", "--market", "m", "--database", "x.db", "--address", "h:1"), "--database is for this machine"),
        (("history", "cn-cloud", "--recorded-by", "soon"), "'soon' is no moment; give a moment with its time zone"),
        (("history", "cn-cloud", "--renamed", "A"), "'A' cannot be read; give OLD=NEW"),
        (("forecast", "cn-cloud", "--merged", "A=B"), "'A=B' cannot be read; give PROVIDER=INTO@QUARTER"),
        (("forecast", "cn-cloud", "--renamed", "A=C", "--renamed", "C=A"), "lead in a circle: A is called C; C is"),
        (("import", "names.csv", "--house", "own"), "--house goes with shares"),
        (("import", "names.csv", "--replace"), "--replace goes with shares"),
    ],
)
def test_what_says_too_little_is_told_what_to_give(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "names.csv").write_text("market,provider,into,kind\nphones,A,B,renamed\n", encoding="utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_a_renamed_provider_is_one_in_import_and_batch_alike(run: Run, tmp_path: Path) -> None:
    units(since=8, into="Swan").write_csv(tmp_path / "renamed.csv")
    kept = run("import", "renamed.csv", "--database", "x.db", "--renamed", "Cygnus=Swan@2023Q1")
    assert "1 change(s) of names" in kept.stdout
    made = pl.read_csv(forecast(run, "x.db").encode())
    asked = run("forecast", "phones", "--database", "x.db", "--horizon", "1")
    assert "as declared: Cygnus is called Swan from 2023Q1 on" in asked.stdout
    assert run("batch", "renamed.csv", "out.csv", "--horizon", "1", "--renamed", "Cygnus=Swan").exit_code == 0
    many = pl.read_csv(tmp_path / "out.csv")
    assert set(made["provider"]) == set(many["provider"]) == {"Acme", "Borealis", "Swan", "Others"}
    ours, theirs = (frame.sort("provider")["mean"].to_list() for frame in (made, many))
    assert ours == pytest.approx(theirs, rel=0, abs=1e-9)


@pytest.mark.parametrize(
    "asked",
    [
        ("history", "two.csv", "--renamed", "Cygnus=Acme"),
        ("forecast", "two.csv", "--renamed", "Cygnus=Acme"),
        ("import", "two.csv", "--database", "x.db", "--renamed", "Cygnus=Acme"),
        ("history", "phones", "--database", "kept.db", "--renamed", "Cygnus=Acme"),
    ],
    ids=" ".join,
)
def test_two_names_that_both_have_a_share_are_not_one_provider(
    run: Run, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    rows = [(f"2021Q{q}", name, share) for q in (1, 2, 3) for name, share in (("Cygnus", 0.4), ("Acme", 0.6))]
    frame = pl.DataFrame(rows, schema=["period", "provider", "share"], orient="row")
    frame.with_columns(market=pl.lit("phones")).write_csv(tmp_path / "two.csv")
    assert run("import", "two.csv", "--database", "kept.db").exit_code == 0
    result = run(*asked)
    assert result.exit_code == 2
    assert "expected one share of Acme, as they are declared to be one provider" in " ".join(result.stderr.split())
    assert not (tmp_path / "x.db").exists() or "not known" in run("history", "phones", "--database", "x.db").stderr


def test_a_merged_provider_is_one_in_import_and_batch_alike(run: Run, tmp_path: Path) -> None:
    units(since=8, into="Borealis").write_csv(tmp_path / "merged.csv")
    (tmp_path / "names.csv").write_text(
        "market,provider,into,kind,period\nphones,Cygnus,Borealis,merged,2023Q1\n", encoding="utf-8"
    )
    run("import", "merged.csv", "--database", "x.db")
    flagged = forecast(run, "x.db", "--merged", "Cygnus=Borealis@2023Q1")
    assert (
        "names.csv: 1 row(s) of names, 1 new, 0 known already; market phones"
        in run("import", "names.csv", "--database", "x.db").stdout
    )
    assert forecast(run, "x.db") == flagged
    assert run("batch", "merged.csv", "out.csv", "--horizon", "1", "--merged", "Cygnus=Borealis@2023Q1").exit_code == 0
    many, made = pl.read_csv(tmp_path / "out.csv"), pl.read_csv(flagged.encode())
    assert set(made["provider"]) == set(many["provider"]) == {"Acme", "Borealis", "Others"}
    ours, theirs = (frame.sort("provider")["mean"].to_list() for frame in (made, many))
    assert ours == pytest.approx(theirs, rel=0, abs=1e-9)
    shown = run("history", "phones", "--database", "x.db").stdout
    assert "as declared: Cygnus is part of Borealis from 2023Q1 on" in shown
    report = run("report", "phones", "--database", "x.db", "--output", "r.html", "--origins", "2")
    assert report.exit_code == 0, report.stderr


def test_a_market_whose_shares_contradict_a_renaming_fails_alone(run: Run, tmp_path: Path) -> None:
    both = pl.concat([units(), units().with_columns(market=pl.lit("tablets"))])
    twice = both.filter(pl.col("market") == "tablets", pl.col("provider") == "Cygnus", pl.col("period") == "2021Q1")
    swan = twice.with_columns(provider=pl.lit("Swan"), value=pl.lit(50, dtype=pl.Int64))
    pl.concat([both, swan]).write_csv(tmp_path / "in.csv")
    result = run("batch", "in.csv", "out.csv", "--horizon", "1", "--renamed", "Cygnus=Swan")
    assert result.exit_code == 3, result.stderr
    assert set(pl.read_csv(tmp_path / "out.csv")["market"]) == {"phones"}
    (failed,) = pl.read_csv(tmp_path / "out.errors.csv").rows()
    assert failed[:2] == ("tablets", "invalid_table")
    assert "in 2021Q1; expected one share of Swan, as Swan and it are one provider" in failed[2]
