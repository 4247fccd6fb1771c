import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.visible import visible


@given(st.text(st.characters(), max_size=40))
def test_nothing_that_commands_a_terminal_is_left(text: str) -> None:
    shown = visible(text)
    left = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    assert left <= {"\n"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff")
    assert visible(shown) == shown
    assert "\n" not in visible(text, one_line=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Acme\x1b[2J", "Acme\\x1b[2J"),
        ("\x9b31m\x7f\r\x07\x00", "\\x9b31m\\x7f\\x0d\\x07\\x00"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("Ac\u200bme\ufeff", "Ac\\u200bme\\ufeff"),
        ("Ac\u200dme", "Ac\\u200dme"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("file\udcff", "file\\udcff"),
    ],
)
def test_what_is_hidden_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "name", ["می\u200cخواهم", "ক্\u200dষ", "Größe", "日本電気", "Société Générale", "Ελλάδα", "שלום", "a\nb", "naïve–—"]
)
def test_names_as_people_write_them_stay(name: str) -> None:
    assert visible(name) == name
