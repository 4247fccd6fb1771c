"""`sharecast demo`: the whole of it once, from a server of its own to a chart."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

_MARKET = "cn-cloud"
_DRAWN = (0.5, 0.8, 0.95)
_PRINTED = (0.8, 0.95)
_START_SECONDS = 120.0  # on whatever machine
_STOP_SECONDS = 10
_ORIGINS = 8  # that the report looks back on
_NEXT = """
Next, open the report in a browser, and try
  sharecast forecast cn-cloud --event 'Huawei overtakes Alibaba by 2027Q4'
  sharecast read FILE      how a sheet of yours is understood: .xlsx, .csv
  sharecast forecast FILE  its forecast"""


@click.command()
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where the charts go.  [default: here]",
)
def demo(output_dir: Path) -> None:
    """Start a server, ask it for the China cloud market, print the answer, draw it, write a report, and end."""
    from service.cli.output import Target, chart_format, say, waiting
    from service.cli.pages import print_forecast
    from service.files import write_bytes

    charts = [output_dir / f"sharecast-demo.{ending}" for ending in ("png", "html")]
    formats = [chart_format(path) for path in charts]
    with ExitStack() as until:
        with waiting("starting a server"):
            address = until.enter_context(_server())
        from service.client import Client

        say(f"a server of its own is listening on {address}; asking it for {_MARKET}\n")
        with Client(address) as client, waiting(f"waiting for the forecast of {_MARKET}"):
            answer = client.forecast(_MARKET, levels=_DRAWN, include_history=True)
    made = answer.to_forecast()
    Target(kind=None, output=None).write(
        made.to_frame(), lambda console: print_forecast(console, made, levels=_PRINTED)
    )
    from forecast.charts import fan_chart

    for path, kind in zip(charts, formats, strict=True):
        with waiting(f"drawing {path.name}"):
            drawn = fan_chart(made, format=kind)
        write_bytes(drawn, path)
        say(f"chart: {path.resolve()}")
    from forecast.figures import load_breaks, load_figures
    from forecast.report import make_report

    page = output_dir / "sharecast-demo-report.html"
    with waiting(f"making a report, with forecasts from {_ORIGINS} earlier quarters and without each new figure"):
        report = make_report(load_figures(), load_breaks(), market=_MARKET, origins=_ORIGINS).to_html()
    write_bytes(report, page)
    say(f"report: {page.resolve()}")
    say(_NEXT)


@contextmanager
def _server() -> Iterator[str]:
    """A real `sharecast serve` in a process of its own; yields its HOST:PORT and ends it."""
    # -P: a folder `service` where the user happens to stand must not be taken for ours.
    command = [
        sys.executable,
        "-P",
        "-m",
        "service.cli.main",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        "none",
        "--log-level",
        "warning",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        late = threading.Timer(_START_SECONDS, server.kill)
        late.daemon = True
        late.start()
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            late.cancel()
            if not line.startswith("listening on "):
                raise RuntimeError(f"the server ended with {server.wait()} before it listened")
            yield line.removeprefix("listening on ").strip()
        finally:
            late.cancel()
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
