import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from forecast.wording import Source, find_provider, named, per_cent, probability_text, read_share, value_text, whom

SOURCE = Source("x", "a text")
NAMES = ("Alibaba Cloud", "Huawei Cloud", "Huawei", "vivo", "Others")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Alibaba", "Alibaba Cloud"),
        (" alibaba  cloud ", "Alibaba Cloud"),
        ("huawei", "Huawei"),
        ("HUAWEI CLOUD", "Huawei Cloud"),
        ("Vivo", "vivo"),
    ],
)
def test_a_provider_is_known_by_the_words_it_starts_with(text: str, name: str) -> None:
    assert find_provider(text, NAMES, SOURCE) == name


@pytest.mark.parametrize("text", ["Ali", "Cloud", "", "  ", "Alibaba Cloud Services"])
def test_a_provider_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(
        InvalidArgument, match=r"x 'a text': no provider is called .*the providers are Alibaba Cloud, Huawei Cloud"
    ):
        find_provider(text, NAMES, SOURCE)


@given(st.integers(0, 1000))
def test_a_share_written_out_reads_as_itself(tenths: int) -> None:
    share = tenths / 1000
    assert read_share(per_cent(share), SOURCE) == pytest.approx(share, abs=1e-15)
    assert read_share(str(share), SOURCE) == share


@given(st.integers(0, 2000))
def test_a_probability_is_never_called_certain_or_impossible(count: int) -> None:
    text = probability_text(count / 2000, 2000)
    assert text not in ("0.0 %", "100.0 %")
    assert text.startswith("under") == (count < 2) and text.startswith("over") == (count > 1998)


def test_others_stands_for_no_company() -> None:
    assert named(NAMES) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("value", "measure", "unit", "qualifier", "decimals", "text"),
    [
        (0.334, "share", "fraction", "exact", 1, "33.4 %"),
        (0.4, "share", "fraction", "more_than", 0, "> 40 %"),
        (0.05, "share", "fraction", "less_than", 0, "< 5 %"),
        (0.16, "share", "fraction", "about", 0, "about 16 %"),
        (0.54, "yoy_growth", "fraction", "exact", 0, "+54 % a year"),
        (-0.071, "yoy_growth", "fraction", "exact", 1, "−7.1 % a year"),
        (5.8, "spend_usd_bn", "USD bn", "exact", 1, "5.8 USD bn"),
        (347.4, "units_mn", "million units", "about", 1, "about 347.4 mn units"),
    ],
)
def test_a_value_is_printed_as_on_the_page(
    value: float, measure: str, unit: str, qualifier: str, decimals: int, text: str
) -> None:
    assert value_text(value, measure, unit, qualifier, decimals) == text


def test_whom_a_figure_speaks_of_is_told_in_words() -> None:
    assert (whom("TOTAL"), whom("A|B"), whom("Others")) == ("the market", "A + B", "Others")
