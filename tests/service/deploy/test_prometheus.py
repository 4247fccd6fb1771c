"""Alert rules, board and metrics as Prometheus itself reads them: by its tool promtool, which .ci/run brings."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.catalog import Catalog
from service.cli.serve import _metrics
from service.client import Client, InvalidArgument
from service.observe import Observer
from service.server import Server
from service.settings import ServeSettings
from tests.service.security.conftest import Issue, issue  # noqa: F401  (a fixture)
from tests.service.server.waiting import PATIENCE

DEPLOY = files("service.deploy")
RULES: Mapping[str, Any] = {
    rule["alert"]: rule
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
FORECAST = 'grpc_method="Forecast",grpc_service="sharecast.v1.ForecastService",grpc_type="unary"'
HERE = 'instance="a:9464",job="sharecast"'
DAY = 24 * 3600


@dataclass(frozen=True)
class Case:
    """What a server tells, a value a minute, and what of it is told on."""

    series: Mapping[str, str]  # as promtool writes them: "0+5x10" is 0, 5, 10 and so on
    at: str  # when it must be told
    before: str  # when it must not yet be
    summary: str
    labels: Mapping[str, str]


def handled(code: str) -> str:
    return f'grpc_server_handled_total{{{FORECAST},grpc_code="{code}",{HERE}}}'


def bucket(bound: str) -> str:
    return f'grpc_server_handling_seconds_bucket{{{FORECAST},le="{bound}",{HERE}}}'


ALONE, SCRAPED = {"instance": "a:9464"}, {"instance": "a:9464", "job": "sharecast"}
CASES = {
    "SharecastDown": Case({f"up{{{HERE}}}": "1x5 0x9"}, "8m", "6m", "a:9464 does not answer Prometheus", SCRAPED),
    "SharecastNotServing": Case(
        {f"sharecast_serving{{{HERE}}}": "1x5 0x9"}, "8m", "6m", "a:9464 says NOT_SERVING", SCRAPED
    ),
    "SharecastInternalErrors": Case(
        {handled("Internal"): "0x5 1x9", handled("OK"): "0+99x14"},
        "7m",
        "6m",
        "Forecast of a:9464 meets unforeseen errors",
        {**ALONE, "grpc_method": "Forecast"},
    ),
    "SharecastErrorBudget": Case(
        {
            handled("OK"): "0+90x40",
            handled("Unavailable"): "0+4x40",
            handled("DeadlineExceeded"): "0+4x40",
            handled("ResourceExhausted"): "0+2x40",
        },
        "20m",
        "9m",
        "a:9464 fails 10% of its calls",
        ALONE,
    ),
    "SharecastSlow": Case(
        {
            bucket("1"): "0+90x40",
            bucket("5"): "0+95x40",
            bucket("10"): "0+100x40",
            bucket("+Inf"): "0+100x40",
        },
        "20m",
        "9m",
        "One forecast in a hundred of a:9464 takes longer than 5 s",
        ALONE,
    ),
    "SharecastQueue": Case(
        {
            f'sharecast_waiting{{place="threads",{HERE}}}': "0x5 40x20",
            f'sharecast_waiting{{place="workers",{HERE}}}': "0x25",
        },
        "17m",
        "9m",
        "40 calls have waited in a:9464 for minutes",
        {**SCRAPED, "place": "threads"},
    ),
    "SharecastRefused": Case(
        {handled("Unauthenticated"): "0+360x30", handled("PermissionDenied"): "0+240x30"},
        "12m",
        "4m",
        "a:9464 refuses 10 calls a second for their keys",
        ALONE,
    ),
    "SharecastReset": Case(
        {f"sharecast_reset_calls_total{{{HERE}}}": "0+12000x30"},
        "12m",
        "4m",
        "Callers of a:9464 give up 200 calls a second before their time is over",
        ALONE,
    ),
    "SharecastWorkersGone": Case(
        {f"sharecast_worker_processes{{{HERE}}}": "3x5 0x9", f"sharecast_serving{{{HERE}}}": "1x14"},
        "9m",
        "7m",
        "a:9464 has no worker process",
        SCRAPED,
    ),
    "SharecastCertificateEnds": Case(
        {f"sharecast_certificate_expires_timestamp_seconds{{{HERE}}}": f"{7 * DAY}x90"},
        "70m",
        "50m",
        "The certificate of a:9464 ends within a week",
        SCRAPED,
    ),
    "SharecastFiles": Case(
        {f"process_open_fds{{{HERE}}}": "50x5 900x15", f"process_max_fds{{{HERE}}}": "1000x20"},
        "12m",
        "9m",
        "a:9464 uses 90% of the files it may open",
        SCRAPED,
    ),
}
WELL = {
    f"up{{{HERE}}}": "1x120",
    f"sharecast_serving{{{HERE}}}": "1x120",
    handled("OK"): "0+6000x60 0+6000x59",  # it was started again in between
    f"sharecast_reset_calls_total{{{HERE}}}": "0+60x120",
    handled("InvalidArgument"): "0+600x60 0+600x59",  # what callers do wrong is no fault of the server
    handled("Unavailable"): "0+60x60 0+60x59",
    handled("Internal"): "0x120",
    handled("Unauthenticated"): "0+60x60 0+60x59",
    bucket("5"): "0+6000x60 0+6000x59",
    bucket("+Inf"): "0+6000x60 0+6000x59",
    f'sharecast_waiting{{place="threads",{HERE}}}': "_ 200 0x118",
    f"sharecast_worker_processes{{{HERE}}}": "0x1 3x118",  # they are up some seconds after the server
    f"sharecast_certificate_expires_timestamp_seconds{{{HERE}}}": f"{8 * DAY}x120",
    f"process_open_fds{{{HERE}}}": "50x120",
    f"process_max_fds{{{HERE}}}": "1000x120",
}


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no promtool")
        pytest.skip("there is no promtool; .ci/run brings it")
    return program


def said(promtool: str, *arguments: object, text: str = "") -> tuple[int, str]:
    done = subprocess.run(
        [promtool, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def told(catalog: Catalog, issue: Issue) -> Iterator[str]:  # noqa: F811
    """What a server with a certificate tells Prometheus after some calls."""
    metrics = _metrics(ServeSettings(tls_certificate=issue("server").pem))
    with Server(catalog, observer=Observer(metrics=metrics)) as server, Client(server.address) as client:
        client.forecast("cn-cloud")
        with pytest.raises(InvalidArgument, match="horizon"):
            client.forecast("cn-cloud", horizon=41)
        list(client.stream_forecasts(["cn-cloud"]))
        yield generate_latest(metrics.registry).decode()


def written(folder: Path, series: Mapping[str, str], tests: list[dict[str, object]]) -> Path:
    """A file of tests as promtool takes it."""
    (folder / "alerts.yml").write_bytes((DEPLOY / "alerts.yml").read_bytes())
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    group = {"interval": "1m", "input_series": inputs, "alert_rule_test": tests}
    path = folder / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "tests": [group]}), encoding="utf-8")
    return path


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_is_told_when_it_should_be_and_not_before(promtool: str, tmp_path: Path, name: str) -> None:
    case, rule = CASES[name], RULES[name]
    alert = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {"summary": case.summary, "description": rule["annotations"]["description"]},
    }
    tests: list[dict[str, object]] = [
        {"eval_time": case.before, "alertname": name, "exp_alerts": []},
        {"eval_time": case.at, "alertname": name, "exp_alerts": [alert]},
    ]
    code, text = said(promtool, "test", "rules", written(tmp_path, case.series, tests))
    assert code == 0, text


def test_of_a_server_that_does_well_nothing_is_told(promtool: str, tmp_path: Path) -> None:
    times = ("2m", "30m", "61m", "65m", "75m", "119m")
    tests: list[dict[str, object]] = [
        {"eval_time": when, "alertname": name, "exp_alerts": []} for when in times for name in RULES
    ]
    code, text = said(promtool, "test", "rules", written(tmp_path, WELL, tests))
    assert code == 0, text


def test_alerts_are_tested_on_series_that_a_server_tells(told: str) -> None:
    """Names and labels alike: an alert on a series that nobody tells would stay silent for ever."""
    real = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name != "grpc_server_handling_seconds_bucket" or sample.labels["le"] == "+Inf"
    }
    real["up"] = set()  # told by Prometheus itself
    for series in (WELL, *(case.series for case in CASES.values())):
        for one in series:
            name, labels = one.rstrip("}").split("{")
            assert set(re.findall(r"(\w+)=", labels)) - {"instance", "job"} == real[name], one


def test_prometheus_takes_the_rules_and_what_the_server_tells(promtool: str, told: str) -> None:
    with_path = Path(str(DEPLOY / "alerts.yml"))
    code, text = said(promtool, "check", "rules", with_path)
    assert (code, f"{len(RULES)} rules found" in text) == (0, True), text
    assert said(promtool, "check", "metrics", text=told) == (0, "")


def test_every_expression_of_the_board_is_one_of_prometheus(promtool: str, tmp_path: Path) -> None:
    board = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [each["expr"] for each in board["annotations"]["list"]]
    variables = [each["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    for query in variables:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)
        assert found is not None, query
        asked.append(f"count by ({found[2]}) ({found[1]})")
    filled = [each.replace("$__rate_interval", "5m").replace("$instance", ".*") for each in asked]
    assert not [each for each in filled if "$" in each]
    rules = [{"record": f"board:{n}", "expr": each} for n, each in enumerate(filled)]
    path = tmp_path / "board.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}), encoding="utf-8")
    code, text = said(promtool, "check", "rules", path)
    assert (code, f"{len(filled)} rules found" in text) == (0, True), text
