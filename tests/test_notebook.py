"""The example notebook runs from a fresh kernel, without outputs kept beside it, and shows what it should."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("notebook") / "china_cloud.ipynb"

# What the last expression of a cell starts with, and what must be read in its output.
SHOWN = {
    "figures.filter(": ["Alibaba Cloud", "0.409", "more_than"],
    "history": ["as known on 2021-01-15", "2020Q3", "40.8 %", "Huawei Cloud"],
    "made": ["mean and 80 % interval, from 2020Q3", "2022Q3"],
    "made.to_frame().join(": ["lower_80", "came", "0.382"],
    "events": ["Huawei Cloud overtakes Tencent Cloud by 2021Q4", "top 3 changes by 2022Q3", "HHI 0.223"],
    "sharecast.league(": ["HHI", "leads: over 99.9 %"],
    "given": ["the forecast of 2021Q4 has", "20.0 %", "What if: Huawei Cloud = 20 % in 2021Q4"],
    "revenue": ["USD bn a quarter", "Market"],
    "backtest": ["6 origins", "skill against naive", "auto"],
    "answer.events": ["Huawei Cloud overtakes Tencent Cloud by 2021Q4"],
}
PICTURES = {
    "history.plot()": "China cloud infrastructure, Canalys: shares as published and rebuilt",
    "made.plot()": "China cloud infrastructure, Canalys: shares, 8 quarters from 2020Q3",
    "events.plot()": "How probable it is",
    "given.plot()": "China cloud infrastructure, Canalys: shares, 8 quarters from 2020Q3",
    "revenue.plot()": "China cloud infrastructure, Canalys: what providers sell",
    "backtest.plot()": "China cloud infrastructure, Canalys: calibration",
    "answer.plot()": "China cloud infrastructure, Canalys: shares, 8 quarters from 2020Q3",
}


@pytest.fixture(scope="module")
def done() -> Any:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()
    return notebook


def codes(notebook: Any) -> Iterator[Any]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def html_of(notebook: Any, expression: str) -> str:
    """What the cell shows whose last expression is this, or, up to a bracket, begins so."""
    found = {ast.unparse(ast.parse(cell.source).body[-1]): cell for cell in codes(notebook)}
    (cell,) = [c for text, c in found.items() if text == expression or (expression[-1] == "(" and expression in text)]
    (output,) = cell.outputs
    return str(output.data["text/html"]).replace("\N{NO-BREAK SPACE}", " ")


def test_the_notebook_stands_without_outputs() -> None:
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None


def test_the_notebook_runs_and_nothing_complains(done: Any) -> None:
    kinds = {output.output_type for cell in codes(done) for output in cell.outputs}
    assert kinds == {"execute_result"}  # no error, and nothing on standard error


@pytest.mark.parametrize("begins", SHOWN)
def test_a_result_is_shown_as_a_table(done: Any, begins: str) -> None:
    html = html_of(done, begins)
    assert "<table" in html
    for text in SHOWN[begins]:
        assert text in html, text


@pytest.mark.parametrize("begins", PICTURES)
def test_a_plot_is_shown_as_a_picture(done: Any, begins: str) -> None:
    html = html_of(done, begins)
    assert html.startswith('<img src="data:image/svg+xml;base64,')
    assert f'alt="{PICTURES[begins]}"' in html
    assert len(html) > 10_000 or begins == "events.plot()"
