"""The house in order: what may know what, what is public, what the README promises."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import forecast

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for folder in ("forecast", "service") for p in (ROOT / folder).rglob("*.py"))

# Each line of `forecast` knows only itself and what stands above it.
ORDER = [
    {"errors", "arrays", "compiling"},
    {"shown", "visible"},
    {"quarter", "breaks", "schema", "cells", "stamps", "name_changes"},
    {"name_tables", "results", "composition", "scorecard", "printed", "headers"},
    {"names"},
    {"figures", "statements", "sums", "amounts", "sheet"},
    {"shares"},
    {"brought", "printed_tables"},
    {"evidence", "posterior", "slips", "listing", "merging", "draws", "prior", "scores", "completing"},
    {"wording", "grammar", "totals"},
    {"models"},
    {"preparing"},
    {"own_history"},
    {"history"},
    {"forecasting", "charts", "events"},
    {"many", "diff", "conditions", "revenue"},
    {"tally"},
    {"backtest"},
    {"report", "views", "result_table"},
    {"data"},
]
ENVIRONMENT = {"os", "sys", "time", "socket", "subprocess", "random", "tempfile", "sqlite3", "urllib", "http"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank(module: str) -> int | None:
    part = module.split(".")[1] if "." in module else ""
    return next((n for n, line in enumerate(ORDER) if part in line), None)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    inside = path.relative_to(ROOT).with_suffix("").parts
    for module in imports(path):
        top = module.split(".")[0]
        if inside[0] == "forecast":
            # The scripts of forecast/data are run by hand; the rest is a pure library.
            world = set() if inside[1] == "data" else ENVIRONMENT
            assert top not in {"service", "sharecast", "grpc", "google", "click", "rich"} | world, module
            mine, theirs = rank(".".join(inside)), rank(module) if top == "forecast" else None
            if inside[1] != "__init__":
                assert mine is not None, f"{path.name} has no place in ORDER"
                assert theirs is None or theirs <= mine, f"{'.'.join(inside)} imports {module}"
        if top == "statsmodels":
            assert inside[:2] == ("forecast", "models") or inside == ("forecast", "history"), module
        if top == "sharecast" and re.search(r"_pb2$", module):
            assert inside[0] == "service", module


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() != "service/settings.py":
        assert not re.search(r"\bos\.(environ|getenv)\b", path.read_text(encoding="utf-8"))


def test_the_top_level_holds_what_the_owner_fixed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    visible = {name.split("/")[0] for name in tracked if not name.startswith(".")}
    assert visible == {"forecast", "protos", "service", "tests", "pyproject.toml", "README.md", "LICENSE"}


def test_the_tree_of_tests_mirrors_the_tree_of_the_code() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert (ROOT / folder).is_dir(), f"{path.name} stands in a folder that mirrors none"


def test_the_public_names_are_exactly_those_exported_and_each_is_there() -> None:
    assert dir(forecast) == sorted(forecast.__all__) == sorted(forecast._HOME)
    for name in forecast.__all__:
        assert getattr(forecast, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'prophet'"):
        _ = forecast.prophet


def test_the_readme_example_runs_and_prints_what_it_shows() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", text, re.S)
    assert blocks, "README.md has no example with its output"
    for code, shown in blocks:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT / "tests"
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == shown


def test_the_readme_names_only_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:\.venv/bin/)?sharecast ([a-z]+)", text, re.M)) | set(
        re.findall(r"`sharecast ([a-z]+)", text)
    )
    listed = subprocess.run(
        [sys.executable, "-m", "service.cli.main", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert {"demo", "serve", "markets", "history", "forecast", "batch"} <= named
    for name in named:
        assert re.search(rf"^\s+{name}\b", listed, re.M), name


def test_every_dependency_says_why_and_has_a_floor() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    for requirement in project["dependencies"]:
        assert ">=" in requirement
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert "#" in line, f"{requirement} does not say why"
