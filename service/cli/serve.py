"""`sharecast serve`: the gRPC server."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from forecast.errors import InvalidArgument
from forecast.visible import visible
from service.cli.listening import check_can_listen
from service.settings import SETTINGS, ServeSettings, misspelled, quiet_grpc, resolve

if TYPE_CHECKING:
    from service.observe.metrics import Metrics, MetricsServer
    from service.server.workers import Nursery
    from service.store import Store

F = TypeVar("F", bound=Callable[..., object])
DEPLOY_FILES = (
    "sharecast.service",
    "sharecast.toml",
    "Dockerfile",
    "compose.yml",
    "kubernetes.yml",
    "grafana.json",
    "alerts.yml",
)

log = logging.getLogger("sharecast")


def settings_options(command: F) -> F:
    """An option for every row of the table of settings, and --settings for a file of them."""
    for row in reversed(SETTINGS):
        # 0 and False are one key of a table.
        shown = "off" if row.default is False else f"{row.default}" if row.default not in ("", None) else "none"
        text = f"{row.help}  [default: {shown}]"
        if row.metavar:
            command = click.option(row.flag, row.name, metavar=row.metavar, help=text)(command)
        else:
            off = row.flag.replace("--", "--no-", 1)
            command = click.option(f"{row.flag}/{off}", row.name, default=None, help=text)(command)
    return click.option(
        "--settings",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A file of these settings, TOML, with names such as time_limit.  [default: SHARECAST_SETTINGS, else none]",
    )(command)


@click.command()
@settings_options
@click.option("--show-settings", is_flag=True, help="Print every setting and where it comes from, and end.")
@click.option(
    "--show-file",
    type=click.Choice(DEPLOY_FILES),
    help="Print a file that helps to run a server, and end: a unit of systemd, settings for it, a container, "
    "two servers with PostgreSQL for Docker Compose and for Kubernetes, a board of Grafana, alert rules of Prometheus.",
)
def serve(settings: Path | None, show_settings: bool, show_file: str | None, **flags: object) -> None:
    """Answer forecasts and histories over gRPC until stopped.

    Prints `listening on HOST:PORT` once a forecast was answered, within two seconds. What models beside `auto` and
    large batches need is loaded behind that, and compiled at the first start after an installation.

    Ctrl-C or SIGTERM lets the calls in flight end first, once more does not. So does a terminal that is closed; without
    one, as under systemd, SIGHUP ends nothing: renewed certificates and keys need no reload, and other settings are
    read at the start.

    Every option is also an environment variable, such as SHARECAST_TIME_LIMIT, and a key of a settings file, such as
    time_limit. An option comes before the environment, that before the file.
    """
    if show_file is not None:
        from importlib.resources import files

        click.echo((files("service.deploy") / show_file).read_text(encoding="utf-8"), nl=False)
        return
    found = resolve(flags, settings)
    if show_settings:
        for line in found.lines():
            click.echo(visible(line))
        return
    _serve(found.settings)


def _serve(settings: ServeSettings) -> None:
    if settings.log_level != "debug":
        quiet_grpc()
    from service.server.workers import FORECASTS, Nursery

    with closing(Nursery(FORECASTS)) as nursery:  # it loads while we do
        _answer(settings, nursery)


def _answer(settings: ServeSettings, nursery: "Nursery") -> None:
    from service.catalog import Catalog
    from service.cli.opening import open_existing
    from service.observe import Observer, set_up_log, spans_if_installed
    from service.security.entry import settle
    from service.server import serve as answer_calls

    entry = settle(settings)
    check_can_listen("listen", settings.listen)
    if settings.metrics:
        check_can_listen("metrics", settings.metrics)
    credentials = entry.credentials()
    store = open_existing(settings.database or None, create=True)
    guard = entry.guard(store)
    metrics = _metrics(settings) if settings.metrics else None
    told = None if metrics is None else _tell(metrics, settings.metrics)
    calls = set_up_log(settings.log_level, settings.log_format)
    observer = Observer(log=calls, metrics=metrics, spans=spans_if_installed())
    _warn(settings, store, keys=entry.keys, tls=entry.tls is not None)
    if entry.tls is not None:
        _warn_of_certificate(entry.tls.certificate)
    catalog = Catalog.shipped(store)
    if told is not None:
        log.info("metrics on http://%s/metrics", told.address)
    try:
        asyncio.run(
            answer_calls(
                settings.listen,
                catalog,
                ready=lambda address: click.echo(visible(f"listening on {address}")),
                drain_seconds=settings.drain_seconds,
                time_limit=settings.time_limit,
                stream_time_limit=settings.stream_time_limit,
                places=settings.places or None,
                waiting=settings.waiting,
                nursery=nursery,
                guard=guard,
                observer=observer,
                credentials=credentials,
                check=_check(store),
            )
        )
    finally:
        if told is not None:
            told.stop()


def _metrics(settings: ServeSettings) -> "Metrics":
    from grpc_health.v1 import health_pb2
    from grpc_reflection.v1alpha import reflection_pb2

    from service.observe import Reading
    from service.observe.metrics import Metrics
    from service.security.tls import expires_at
    from service.server.front import _SERVICES
    from service.server.reflecting import NAMES

    health = health_pb2.DESCRIPTOR.services_by_name["Health"]
    reflection = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
    metrics = Metrics((*_SERVICES, health), under_other_names=dict.fromkeys(NAMES, reflection))
    certificate = settings.tls_certificate
    if certificate is not None:
        known: list[float] = []  # the last one, while the file is away or half written

        def end() -> Iterator[Reading]:
            with suppress(InvalidArgument):
                known[:] = [expires_at(certificate).timestamp()]
            for moment in known:
                yield Reading(
                    "sharecast_certificate_expires_timestamp_seconds",
                    "When the certificate of the server ends, in seconds since 1970.",
                    moment,
                )

        metrics.watch(end)
    return metrics


def _tell(metrics: "Metrics", listen: str) -> "MetricsServer":
    from service.observe.metrics import MetricsServer

    return MetricsServer(metrics, listen)


def _check(store: "Store | None") -> "Callable[[], None] | None":
    if store is None:
        return None
    from service.store.checking import StoreCheck

    return StoreCheck(store)


def _warn(settings: ServeSettings, store: "Store | None", *, keys: bool, tls: bool) -> None:
    from service.client.access import is_local
    from service.compiled_code import why_not_kept

    for wrong in (*misspelled(), why_not_kept()):
        if wrong:
            log.warning("%s", wrong)
    local = is_local(settings.listen)
    if not tls and not local:
        log.warning("calls come in plain text: keys and figures can be read on their way")
    if not keys and not local:
        log.warning("calls need no key: whoever reaches %s may do everything", settings.listen)
    if keys and store is not None and not any(row.revoked_at is None for row in store.keys.all()):
        log.warning("calls need a key, and there is none yet: `sharecast keys add` makes one")


def _warn_of_certificate(certificate: Path) -> None:
    """It may be renewed at any time, so the server starts with one that clients refuse."""
    from service.security.tls import validity

    begin, end = validity(certificate)
    now = datetime.now(UTC)
    if end <= now:
        log.error("the certificate ended %s UTC: clients refuse it", f"{end:%Y-%m-%d %H:%M}")
    elif begin > now:
        log.error("the certificate begins %s UTC only: clients refuse it", f"{begin:%Y-%m-%d %H:%M}")
