"""Make the shipped `figures.csv` and `breaks.csv` from the raw figures.

From the root of the repository: ``python -m forecast.data.make_figures forecast/data/raw/figures.csv forecast/data``.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forecast.errors import NotFound
from forecast.figures import BREAKS_SCHEMA, prepare_figures


@dataclass(frozen=True, slots=True)
class DeclaredBreak:
    """A break in a house's series, found by reading the releases."""

    market: str
    house: str
    period: str  # first quarter of the new series
    kind: str
    told_in: str  # the release of this quarter made the break known
    description: str
    last_period: str | None = None  # last quarter restated, for a revision


BREAKS = (
    DeclaredBreak(
        "cn-cloud",
        "canalys",
        "2020Q1",
        "definition",
        "2020Q1",
        "Figures of 2019 are an older vintage on a smaller base: Huawei is not listed and the market of 2019 was later "
        "restated from 10.7 to 11.5 USD bn; 2019Q4 and 2020Q1 do not join.",
    ),
    DeclaredBreak(
        "cn-cloud",
        "canalys",
        "2023Q2",
        "level_shift",
        "2023Q2",
        "Alibaba counts use inside its own group from here on; without that the market grew by mid-single digits, "
        "not 19 %.",
    ),
    DeclaredBreak(
        "cn-cloud",
        "canalys",
        "2025Q1",
        "definition",
        "2025Q1",
        "The market is widened: Tencent 10 % after 15 to 16 % in 2023 and 2024; growth implies that the market of "
        "2024Q1 was restated from 9.2 to about 10.0 USD bn.",
    ),
    DeclaredBreak(
        "world-cloud",
        "canalys",
        "2018Q4",
        "revision",
        "2019Q4",
        "The release of 2019Q4 tells 2018Q4 and the whole of 2018 on the base used since 2019Q3 (Azure 14.2 % of 2018 "
        "after 16.8 %); 2019Q1 and 2019Q2 are known on the old base only.",
        last_period="2019Q2",
    ),
    DeclaredBreak(
        "world-cloud",
        "canalys",
        "2019Q3",
        "level_shift",
        "2019Q3",
        "Google 9.5 % in 2019Q2 and 6.9 % in 2019Q3, Azure 18.1 % and 16.9 %, while both grew faster than the market.",
    ),
    DeclaredBreak(
        "world-cloud",
        "canalys",
        "2022Q1",
        "revision",
        "2024Q2",
        "The release of 2024Q2 restates 2022Q1 to 2024Q1: Azure down by 4 to 8 points, AWS up by 1 to 3. Values first "
        "published for these quarters join neither it nor what follows.",
        last_period="2024Q1",
    ),
)


def make_breaks(figures: pl.DataFrame) -> pl.DataFrame:
    """The declared breaks, each with the day and the address of the release that made it known.

    Args:
        figures: Columns of `forecast.figures.CURATED_SCHEMA`.

    Returns:
        Columns of `forecast.figures.BREAKS_SCHEMA`. The release is the earliest page with a share of that quarter.

    Raises:
        NotFound: no share of the quarter that should tell of a break.
    """
    rows = []
    for declared in BREAKS:
        release = figures.filter(
            pl.col("market") == declared.market,
            pl.col("house") == declared.house,
            pl.col("period") == declared.told_in,
            pl.col("measure") == "share",
        ).sort("published_at", "published_inferred", "figure_id")
        if release.is_empty():
            raise NotFound("market", f"{declared.market} {declared.house} {declared.told_in}", ())
        rows.append(
            {
                "market": declared.market,
                "house": declared.house,
                "period": declared.period,
                "last_period": declared.last_period,
                "kind": declared.kind,
                "published_at": release["published_at"][0],
                "description": declared.description,
                "source_url": release["source_url"][0],
            }
        )
    return pl.DataFrame(rows, schema=BREAKS_SCHEMA).sort("market", "house", "period")


def make_figures(raw_path: Path, out_dir: Path) -> None:
    """Write `figures.csv` and `breaks.csv` into a directory.

    Args:
        raw_path: CSV of raw figures, columns of `forecast.schema.FIGURES_COLUMNS`.
        out_dir: An existing directory.

    Raises:
        InvalidTable: the raw file breaks a rule.
    """
    figures = prepare_figures(pl.read_csv(raw_path, infer_schema_length=None), table=raw_path.name)
    figures.write_csv(out_dir / "figures.csv")
    make_breaks(figures).write_csv(out_dir / "breaks.csv")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m forecast.data.make_figures RAW.csv OUT_DIR")
    make_figures(Path(sys.argv[1]), Path(sys.argv[2]))
