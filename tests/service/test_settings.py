from service.settings import Settings


def test_no_color_counts_when_it_is_set_to_something() -> None:
    assert Settings.from_environment({"NO_COLOR": "0"}).no_color
    assert not Settings.from_environment({"NO_COLOR": ""}).no_color
    assert not Settings.from_environment({}).no_color
