from datetime import date

import pytest

from forecast.breaks import SeriesBreaks
from forecast.figures import load_breaks
from forecast.quarter import Quarter

q = Quarter.parse


def test_a_break_is_known_from_the_release_that_told_of_it() -> None:
    def known(day: date) -> list[str]:
        found = SeriesBreaks.known(load_breaks(), market="cn-cloud", house="canalys", as_of=day)
        return [str(quarter) for quarter, _ in found.jumps]

    assert known(date(2023, 9, 29)) == ["2020Q1"]
    assert known(date(2023, 9, 30)) == ["2020Q1", "2023Q2"]


@pytest.mark.parametrize(
    ("first", "last", "day", "revised"),
    [
        ("2021Q4", "2021Q4", date(2022, 2, 1), False),
        ("2021Q1", "2022Q1", date(2022, 5, 1), True),  # growth that ends in the revised quarters
        ("2024Q1", "2025Q1", date(2024, 8, 30), True),  # or begins there
        ("2022Q2", "2022Q2", date(2024, 8, 31), False),  # the revision itself
        ("2024Q2", "2024Q2", date(2024, 8, 1), False),
    ],
)
def test_what_was_published_before_a_revision_of_its_quarters_is_of_the_old_base(
    first: str, last: str, day: date, revised: bool
) -> None:
    breaks = SeriesBreaks.known(load_breaks(), market="world-cloud", house="canalys")
    assert (breaks.revised(q(first), q(last), day) is not None) is revised


def test_a_break_divides_the_quarters_before_it_from_those_after() -> None:
    breaks = SeriesBreaks(((q("2020Q1"), "a new base"),))
    assert breaks.between(q("2019Q4"), q("2020Q1"))
    assert breaks.between(q("2019Q1"), q("2021Q1"))
    assert not breaks.between(q("2020Q1"), q("2021Q1"))
    assert not breaks.between(q("2018Q4"), q("2019Q4"))
