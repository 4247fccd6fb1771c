import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.names import (
    figure_name,
    is_residual,
    is_subtotal,
    is_total,
    joined_names,
    name_key,
    plain_name,
    shown_name,
    unmarked,
)


@given(st.text("aB1é -", min_size=1).filter(str.strip), st.sampled_from(["upper", "lower", "spaces", "nfd", "mark"]))
def test_what_nobody_sees_changes_no_key_and_what_everybody_sees_does(name: str, change: str) -> None:
    changed = {
        "upper": name.upper(),
        "lower": name.lower(),
        "spaces": f"  {name} ".replace(" ", "\u00a0 "),
        "nfd": unicodedata.normalize("NFD", name),
        "mark": f"{name.strip()}*",
    }[change]
    assert name_key(changed) == name_key(name)
    assert name_key(f"{name}x") != name_key(name)
    assert plain_name(plain_name(name)) == plain_name(name)


@pytest.mark.parametrize(
    "name", ["AT&T", "Procter & Gamble", "360", "Total Access", "Otherside", "Restoration", "Markit"]
)
def test_names_of_firms_are_taken_as_they_are(name: str) -> None:
    assert shown_name(name) == figure_name(name) == name
    assert not is_residual(name) and not is_total(name) and not is_subtotal(name)


def test_a_mark_is_taken_from_names_that_nothing_else_tells_apart() -> None:
    assert unmarked(["Acme¹", "Acme", "ACME¹", "Fund (1)", "fund (2)", "Top 3", "Beta*"]) == {
        "Acme¹": "Acme",
        "ACME¹": "ACME",
    }


def test_names_that_join_others_are_taken_apart() -> None:
    assert joined_names("AWS, Azure + Google Cloud") == ("aws", "azure", "google cloud")
    assert joined_names("Acme") == ()
