import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.catalog import Catalog
from service.cli.main import _COMMANDS
from service.cli.serve import DEPLOY_FILES, _metrics
from service.client import Client
from service.observe import Observer
from service.server import Server
from service.settings import ServeSettings, resolve
from tests.service.security.conftest import Issue, issue  # noqa: F401  (a fixture)

DEPLOY = files("service.deploy")
ABOUT_SCRAPES = {"up"}  # told by Prometheus itself
LABELS_OF_SCRAPES = {"instance", "job", "le"}


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def expressions() -> list[str]:
    """Every expression of the board and the alert rules."""
    rules = [rule["expr"] for group in yaml.safe_load(text("alerts.yml"))["groups"] for rule in group["rules"]]
    board = json.loads(text("grafana.json"))
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*rules, *panels, *(each["expr"] for each in board["annotations"]["list"])]


@pytest.fixture
def exported(catalog: Catalog, issue: Issue) -> dict[str, set[str]]:  # noqa: F811
    """The names of the metrics that a server tells, each with its labels."""
    metrics = _metrics(ServeSettings(tls_certificate=issue("server").pem))
    with Server(catalog, observer=Observer(metrics=metrics)) as server, Client(server.address) as client:
        client.forecast("cn-cloud")
        told = generate_latest(metrics.registry).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(told):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_and_label_of_board_and_alerts_is_told_by_the_server(exported: dict[str, set[str]]) -> None:
    named = set()
    for expression in expressions():
        bare = re.sub(r'"[^"]*"', '""', expression)
        names = set(re.findall(r"\b(?:grpc_server|sharecast|process|python)_\w+", bare)) | (
            ABOUT_SCRAPES & set(re.findall(r"\w+", bare))
        )
        assert names, expression
        assert names - set(exported) - ABOUT_SCRAPES == set(), expression
        labels = {name for inside in re.findall(r"\{([^}]*)\}", bare) for name in re.findall(r"(\w+)\s*[=!]", inside)}
        labels |= {name.strip() for inside in re.findall(r"by \(([^)]*)\)", bare) for name in inside.split(",")}
        known = {label for name in names for label in exported.get(name, ())} | LABELS_OF_SCRAPES
        assert labels - known == set(), expression
        assert bare.count("(") == bare.count(")")
        assert bare.count("{") == bare.count("}")
        named |= names
    ours = {name for name in exported if name.startswith("sharecast_")}
    assert ours - named - {"sharecast_build_info"} == set(), "told, and nobody looks at it"


def test_codes_and_methods_named_in_expressions_are_those_of_the_api() -> None:
    from service.observe.metrics import _CODES

    for expression in expressions():
        for codes in re.findall(r'grpc_code=~?"([^"]*)"', expression):
            assert set(codes.split("|")) <= set(_CODES.values()), expression
        for method in re.findall(r'grpc_method=~?"([^"]*)"', expression):
            assert method in {"Forecast"}, expression


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    (group,) = yaml.safe_load(text("alerts.yml"))["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(names) == len(set(names)) >= 8
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert re.fullmatch(r"\d+[mh]", rule["for"])
        assert set(rule["annotations"]) == {"summary", "description"}


def test_no_two_panels_of_the_board_lie_on_each_other() -> None:
    board = json.loads(text("grafana.json"))
    cells = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_settings_for_systemd_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text("sharecast.toml"), encoding="utf-8")
    found = resolve({}, file, {})
    assert set(found.origins.values()) == {"file", "default"}
    assert found.settings.tls_certificate is not None


def test_the_unit_runs_commands_that_there_are_and_waits_for_the_drain(tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text("sharecast.service"))
    service = unit["Service"]
    for line in (service["ExecStart"], service["ExecStartPre"]):
        assert re.fullmatch(r"/opt/sharecast/bin/sharecast (\w+)", line)
        assert line.split()[1] in _COMMANDS
    drain = tomllib.loads(text("sharecast.toml"))["drain_seconds"]
    assert int(service["TimeoutStopSec"]) >= drain + 2
    if shutil.which("systemd-analyze"):
        there = text("sharecast.service").replace("/opt/sharecast/bin/sharecast", sys.executable)
        (tmp_path / "sharecast.service").write_text(there, encoding="utf-8")
        found = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", tmp_path / "sharecast.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "sharecast.service" not in found.stderr, found.stderr
        exposed = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", tmp_path / "sharecast.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert exposed.returncode == 0, exposed.stdout[-200:]  # 0 to 100, of which 20 is "OK"


def test_the_files_are_exactly_those_that_can_be_printed() -> None:
    there = {entry.name for entry in DEPLOY.iterdir() if not entry.name.startswith("__")}
    assert there == set(DEPLOY_FILES)
