import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.service.cli.browser import PROGRAM, Browser

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from click.testing import CliRunner

    from service.cli.main import main

    path = tmp_path_factory.mktemp("report") / "china.html"
    arguments = ["report", "cn-cloud", "--as-of", "2022-03-31", "--origins", "2", "--horizon", "4", "-o", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium")
        pytest.skip("there is no Chromium; .ci/run installs one")
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def test_a_report_is_written_and_said_where(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    result = run("report", "cn-cloud", "--as-of", "2020-12-31", "--origins", "1", "--horizon", "2", "-o", str(path))
    assert f"report: {path}" in result.stderr
    assert path.read_bytes().startswith(b"<!DOCTYPE html>")


def test_a_place_that_is_no_page_is_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    result = run("report", "cn-cloud", "-o", str(tmp_path / "r.pdf"))
    assert result.exit_code == 2
    assert "a file that ends in .html" in result.stderr
    result = run("report", "cn-cloud", "--merged", "Tencnt=AWS@2021Q1", "-o", str(tmp_path / "r.html"))
    assert (result.exit_code, "provider 'Tencnt' is not known" in result.stderr) == (2, True)


@pytest.mark.parametrize("width", [1240, 390])
def test_a_browser_shows_it_without_an_error_or_a_request(browser: Browser, page: Path, width: int) -> None:
    browser.open(page.as_uri(), width=width)
    assert browser.run("document.querySelectorAll('figure svg').length") == 5
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("[...document.images].every(image => image.naturalWidth > 0)") is True
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]
    told = [
        e
        for e in browser.events
        if e["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    ]
    assert told == []


def test_its_controls_work_in_a_browser(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), width=1240)
    shown = "[...document.querySelectorAll('figure')].filter(figure => !figure.hidden).length"
    assert browser.run(shown) == 5
    browser.run("document.querySelectorAll('.switches button')[1].click()")
    assert browser.run(shown) == 4
    assert browser.run("document.querySelectorAll('.switches button')[1].getAttribute('aria-pressed')") == "false"
    browser.run("document.querySelectorAll('.switches button')[1].click()")
    assert browser.run(shown) == 5
    readout = "document.querySelector('.readout').textContent"
    before = browser.run(readout)
    browser.run("document.querySelector('figure svg').dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}))")
    assert browser.run(readout) != before


def test_probabilities_are_in_sight_on_a_phone(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), width=390)
    heading = "[...document.querySelectorAll('th')].find(cell => cell.textContent === 'probability')"
    assert browser.run(f"{heading}.getBoundingClientRect().right") <= 390
