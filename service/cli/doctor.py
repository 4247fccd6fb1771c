"""`sharecast doctor`: whether a server could start here and do its work."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from forecast.errors import InvalidArgument
from forecast.visible import visible
from service.cli.listening import obstacle, same_place
from service.cli.serve import settings_options
from service.settings import ServeSettings, misspelled, resolve

if TYPE_CHECKING:
    from service.store.key_rows import KeyRow

State = Literal["ok", "warning", "problem"]
PROBLEMS = 1  # exit status where there is one

_LITTLE_ROOM, _NO_ROOM = 2**30, 100 * 2**20  # bytes
_FEW_FILES = 4096  # one for each connection, beside those of workers and the database
_SOON = timedelta(days=14)
_WITH_KEYS = "0002"  # the version of a database from which on it has them


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    check: str
    state: State
    detail: str  # for a person


class _Found(Exception):  # noqa: N818
    """Ends a check that found something wrong."""

    def __init__(self, state: State, detail: str) -> None:
        self.state, self.detail = state, detail
        super().__init__(detail)


@click.command()
@settings_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Of the answer.",
)
def doctor(settings: Path | None, format_: str, **flags: object) -> None:
    """Look whether a server could start here with these settings, changing nothing.

    Takes the settings of `sharecast serve`. Exit status 0: all is well, or only warnings; 1: there is a problem; 2: the
    settings themselves are wrong.
    """
    found = list(diagnose(resolve(flags, settings).settings))
    if format_ == "json":
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        width = max(len(each.check) for each in found)
        for each in found:
            click.echo(visible(f"{each.state:<8} {each.check:<{width}}  {each.detail}"))
    if any(each.state == "problem" for each in found):
        raise click.exceptions.Exit(PROBLEMS)


def diagnose(
    settings: ServeSettings, /, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Finding]:
    """Every check, each done when it is asked for.

    Args:
        settings: Of the server.
        now: The clock, with its time zone.
    """
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("settings", _settings),
        ("figures", _figures),
        ("prior", _prior),
        ("compiled code", _compiled),
        ("forecast", _forecast),
        ("clock", lambda: _clock(now())),
        ("database", lambda: _database(settings)),
        ("disk", lambda: _disk(settings)),
        ("tls", lambda: _tls(settings, now())),
        ("keys", lambda: _keys(settings, now())),
        ("open files", _open_files),
        ("port", lambda: _port("listen", settings.listen)),
        ("metrics port", lambda: _metrics_port(settings)),
    )
    for name, check in checks:
        yield _look(name, check)


def _look(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", check())
    except _Found as found:
        return Finding(name, found.state, found.detail)
    except Exception as error:  # what goes wrong in a check is what it found
        return Finding(name, "problem", str(error) or type(error).__name__)


def _settings() -> str:
    if wrong := misspelled():
        raise _Found("warning", ", ".join(wrong))
    return "every variable that looks like one is one"


def _figures() -> str:
    from forecast.figures import load_figures

    figures = load_figures()
    return f"{figures.height} shipped, of {figures['market'].n_unique()} markets"


def _prior() -> str:
    from forecast.prior import shipped_prior

    return f"loads, {len(shipped_prior().nodes)} nodes"


def _compiled() -> str:
    from service.compiled_code import where_kept, why_not_kept

    if why := why_not_kept():
        raise _Found("warning", why)
    return where_kept()


def _forecast() -> str:
    from time import perf_counter

    from forecast.forecasting import warm_up

    started = perf_counter()
    warm_up()
    return f"one made in {perf_counter() - started:.2f} s"


def _clock(now: datetime) -> str:
    from forecast.figures import load_figures

    newest = load_figures()["published_at"].max()
    today = now.date()
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    assert isinstance(newest, date)
    if today < newest:
        raise _Found("problem", f"{shown} lies before {newest}, the day of the newest figure: set the clock")
    return f"{shown}, after the newest figure ({newest})"


def _database(settings: ServeSettings) -> str:
    from service.store.checking import look_at

    named = _named(settings)
    if named is None:
        return "none: the shipped figures alone, and nothing can be imported"
    file = _file(named)
    if file is not None and not os.access(file.parent, os.W_OK | os.X_OK):  # journals of SQLite stand beside the file
        raise _Found("problem", f"{file.parent} may not be written, where {file.name} is to be kept")
    if file is not None and not file.exists():
        return f"{named} will be made at the start"
    look = look_at(named)
    if look.foreign:
        raise _Found("problem", f"{look.place} holds tables of something else: {', '.join(look.foreign[:3])}")
    if look.version is None:
        return f"{look.place} is empty; its tables will be made at the start"
    if look.version > look.newest:
        raise _Found(
            "problem", f"{look.place} is of version {look.version}; this Sharecast knows {look.newest}: update it"
        )
    if look.file is not None and not os.access(look.file, os.W_OK):
        raise _Found("problem", f"{look.place} may not be written")
    if look.version < look.newest:
        return f"{look.place} opens; version {look.version} will become {look.newest} at the start"
    return f"{look.place} opens, version {look.version}"


def _disk(settings: ServeSettings) -> str:
    from service.store.engine import make_engine

    named = _named(settings)
    if named is None:
        return "no database"
    try:
        engine = make_engine(named, create=True)
    except InvalidArgument:
        raise _Found("warning", "not looked at: see database") from None
    if engine.dialect.name != "sqlite":
        return "the database is elsewhere"
    folder = Path(str(engine.url.database)).absolute().parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free in {folder}"
    if free < _NO_ROOM:
        raise _Found("problem", f"{text}: imports will soon fail")
    if free < _LITTLE_ROOM:
        raise _Found("warning", text)
    return text


def _tls(settings: ServeSettings, now: datetime) -> str:
    from service.security.entry import settle
    from service.security.tls import validity

    entry = settle(settings)
    entry.credentials()
    if entry.tls is None:
        if settings.insecure_plaintext:
            raise _Found("warning", "plain text is allowed: keys and figures can be read on their way")
        return "plain text, for this machine alone"
    begin, end = validity(entry.tls.certificate)
    text = f"the certificate ends {end:%Y-%m-%d}"
    if begin > now:
        raise _Found("problem", f"the certificate begins {begin:%Y-%m-%d %H:%M} UTC only, or the clock is behind")
    if end <= now:
        raise _Found("problem", f"the certificate ended {end:%Y-%m-%d %H:%M} UTC")
    if entry.tls.private_key.stat().st_mode & 0o077:
        raise _Found("warning", f"{entry.tls.private_key} may be read by others of this machine: chmod 600")
    if end - now < _SOON:
        raise _Found("warning", text)
    return text + (", clients must show one" if entry.tls.client_ca else "")


def _keys(settings: ServeSettings, now: datetime) -> str:
    from service.client.access import is_local
    from service.security.entry import settle

    try:
        asked_for = settle(settings).keys
    except InvalidArgument:
        raise _Found("warning", "not looked at: see tls") from None
    if not asked_for:
        if not is_local(settings.listen):
            raise _Found("warning", f"calls need none: whoever reaches {settings.listen} may do everything")
        return "calls need none"
    named = _named(settings)
    if named is None:
        raise _Found("problem", "calls need keys, and there is no database to keep them in")
    with _rows(named) as rows:
        valid = [row for row in rows if row.revoked_at is None and (row.expires_at is None or row.expires_at > now)]
    if not valid:
        raise _Found("warning", "calls need keys, and there is none that is valid: `sharecast keys add` makes one")
    ending = [row.key_id for row in valid if row.expires_at is not None and row.expires_at - now < _SOON]
    if ending:
        raise _Found("warning", f"{len(valid)} valid; within {_SOON.days} days these end: {', '.join(ending[:5])}")
    return f"{len(valid)} valid"


def _open_files() -> str:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # which a server raises its own limit to
    if most == resource.RLIM_INFINITY:
        return "as many as there is memory for"
    if most < _FEW_FILES:
        raise _Found("warning", f"{most} at once, one for each connection: raise the limit (ulimit -Hn, LimitNOFILE)")
    return f"{most} at once"


def _port(field: str, listen: str) -> str:
    if not listen:
        return "none asked for"
    if why := obstacle(listen):
        raise _Found("problem", f"{field} {listen} cannot be listened on: {why}")
    return f"{listen} picks a free one" if listen.endswith(":0") else f"{listen} is free"


def _metrics_port(settings: ServeSettings) -> str:
    found = _port("metrics", settings.metrics)
    if settings.metrics and not obstacle(settings.listen) and same_place(settings.metrics, settings.listen):
        raise _Found("problem", f"{settings.metrics} is where calls are to be answered")
    return found


def _named(settings: ServeSettings) -> str | None:
    """The database that `serve` would use."""
    from service.cli.opening import named_database

    return named_database(settings.database or None)


def _file(database: str) -> Path | None:
    """Where a database of SQLite is kept, or will be; None for one elsewhere."""
    from service.store.engine import make_engine

    engine = make_engine(database, create=True)
    return Path(str(engine.url.database)).absolute() if engine.dialect.name == "sqlite" else None


@contextmanager
def _rows(database: str) -> "Iterator[tuple[KeyRow, ...]]":
    from service.store.checking import look_at
    from service.store.engine import make_engine
    from service.store.key_rows import KeyRows

    file = _file(database)
    if (file is not None and not file.exists()) or (look_at(database).version or "0") < _WITH_KEYS:
        yield ()
        return
    engine = make_engine(database, create=False)
    try:
        yield KeyRows(engine).all()
    finally:
        engine.dispose()
