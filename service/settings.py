"""What the environment says, which nothing else in the project reads or changes, and the one table of settings.

`ServeSettings` is that table: every field is a setting of the server, with its type, default and help. The flag
``--tls-certificate``, the variable ``SHARECAST_TLS_CERTIFICATE`` and the key ``tls_certificate`` of a file are the same
setting; a flag comes before the environment, that before the file, and that before the default.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, Self

from forecast.errors import InvalidArgument

_PREFIX: Final = "SHARECAST_"


def _home_data() -> Path | None:
    try:
        return Path.home() / ".local" / "share"
    except RuntimeError:  # a user without one, as in containers
        return None


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings taken from the environment."""

    no_color: bool = False  # NO_COLOR, set to anything but nothing: no colours on a terminal either
    database: str | None = None  # SHARECAST_DATABASE, as the option --database takes it
    key: str | None = field(default=None, repr=False)  # SHARECAST_KEY, as a client sends it
    # XDG_DATA_HOME: where programs keep a user's data; None for a user without a home
    data_folder: Path | None = field(default_factory=_home_data)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, /) -> Self:
        """Read NO_COLOR (no-color.org), SHARECAST_DATABASE, SHARECAST_KEY and XDG_DATA_HOME (XDG Base Directory)."""
        folder = Path(environment.get("XDG_DATA_HOME", ""))
        return cls(
            no_color=bool(environment.get("NO_COLOR")),
            database=environment.get("SHARECAST_DATABASE") or None,
            key=environment.get("SHARECAST_KEY") or None,
            data_folder=folder if folder.is_absolute() else _home_data(),  # the specification: others do not count
        )

    @property
    def database_file(self) -> Path | None:
        """Where imports go when no database is named; None: nowhere."""
        return None if self.data_folder is None else self.data_folder / "sharecast" / "sharecast.db"


def quiet_grpc() -> None:
    """Have gRPC's core say nothing on standard error, unless the environment says otherwise; before it is imported.

    Its remarks are text between lines that machines read, one for each connection that fails. What matters of them is
    an error of the call, or of the server's start.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def proxy_variable(host: str, environment: Mapping[str, str] = os.environ, /) -> str | None:
    """The variable that has gRPC go to a host through a proxy, as gRPC reads it; None where it goes there itself."""
    named = next((name for name in ("grpc_proxy", "https_proxy", "http_proxy") if environment.get(name)), None)
    around = environment.get("no_grpc_proxy") or environment.get("no_proxy") or ""
    passed_by = any(host.endswith(each.strip()) for each in around.split(",") if each.strip())
    return None if passed_by else named


def use_one_thread() -> None:
    """Have the libraries that this process loads later use one thread each, unless the environment says otherwise.

    For worker processes: there is one to a core already.
    """
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


class _Unfit(Exception):  # noqa: N818
    """What was given cannot be the value; the text says what could."""


def _text(given: object) -> str:
    if not isinstance(given, str) or not given.isprintable():
        raise _Unfit("text")
    return given


def _file(given: object) -> Path | None:
    return Path(_text(given)) if given else None


def _flag(given: object) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    found = given if isinstance(given, bool) else known.get(str(given).lower())
    if found is None:
        raise _Unfit("true or false")
    return found


def _seconds(low: float, high: float) -> Callable[[object], float]:
    def read(given: object) -> float:
        try:
            found = float(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else None
        except ValueError:
            found = None
        if found is None or not isfinite(found) or not low <= found <= high:
            raise _Unfit(f"{low:g} to {high:g} seconds")
        return found

    return read


def _count(low: int, high: int) -> Callable[[object], int]:
    def read(given: object) -> int:
        whole = isinstance(given, int) and not isinstance(given, bool)
        found = int(str(given)) if whole or (isinstance(given, str) and re.fullmatch("[0-9]{1,9}", given)) else None
        if found is None or not low <= found <= high:
            raise _Unfit(f"a whole number, {low} to {high}")
        return found

    return read


def _choice(*allowed: str) -> Callable[[object], str]:
    def read(given: object) -> str:
        if given not in allowed:
            raise _Unfit(", ".join(allowed))
        return str(given)

    return read


def _setting(
    default: object, help_: str, *, read: Callable[[object], object] = _text, metavar: str, secret: bool = False
) -> Any:  # noqa: ANN401  (as `dataclasses.field`)
    return field(default=default, metadata={"help": help_, "read": read, "metavar": metavar, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Every setting of `sharecast serve`; times are in seconds."""

    listen: str = _setting(
        "127.0.0.1:50051", "Where calls are answered; port 0 picks one. Also unix:PATH.", metavar="HOST:PORT"
    )
    database: str = _setting(
        "",
        "Where imported figures, jobs and keys are kept: sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME, the "
        "name of a SQLite file, or none. Empty: your own, where `sharecast import` made one.",
        metavar="URL",
        secret=True,
    )
    tls_certificate: Path | None = _setting(
        None,
        "Certificate of the server and those it leads to, PEM; may be renewed at any time.",
        read=_file,
        metavar="FILE",
    )
    tls_private_key: Path | None = _setting(
        None, "Its private key, PEM, without a password.", read=_file, metavar="FILE"
    )
    tls_client_ca: Path | None = _setting(
        None, "Ask every client for a certificate that leads to one of these, PEM.", read=_file, metavar="FILE"
    )
    insecure_plaintext: bool = _setting(
        False,
        "Allow calls from other machines without TLS, keys and figures readable on the way.",
        read=_flag,
        metavar="",
    )
    authentication: Literal["auto", "keys", "none"] = _setting(
        "auto",
        "Whether calls need a key of `sharecast keys`. auto: they do, except without TLS on an address that only this "
        "machine reaches.",
        read=_choice("auto", "keys", "none"),
        metavar="auto|keys|none",
    )
    metrics: str = _setting("", "Where Prometheus reads metrics, over HTTP. Empty: nowhere.", metavar="HOST:PORT")
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info",
        "Least grave lines of the log. info: a line per call. debug also tells of probes, what callers were told and "
        "texts of exceptions, which may hold data, and what gRPC itself says, as text.",
        read=_choice("debug", "info", "warning", "error"),
        metavar="LEVEL",
    )
    log_format: Literal["auto", "json", "text"] = _setting(
        "auto",
        "Form of the log on standard error. auto: text on a terminal, else JSON.",
        read=_choice("auto", "json", "text"),
        metavar="FORM",
    )
    time_limit: float = _setting(30.0, "Time a call may take.", read=_seconds(0.01, 3600), metavar="SECONDS")
    stream_time_limit: float = _setting(
        600.0, "Time a call that streams may take.", read=_seconds(0.01, 86400), metavar="SECONDS"
    )
    places: int = _setting(
        0,
        "How much is done at once: steps of calls in threads, short and long work in processes, so much of each. 0: as "
        "many as there are processors.",
        read=_count(0, 1024),
        metavar="N",
    )
    waiting: int = _setting(
        256, "How many calls may wait for each of the three; more are refused.", read=_count(1, 100_000), metavar="N"
    )
    drain_seconds: float = _setting(
        30.0, "Time that calls in flight have to end after SIGTERM.", read=_seconds(0, 3600), metavar="SECONDS"
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str  # also the key in a file
    default: object
    help: str
    metavar: str  # empty: a flag without a value
    secret: bool  # may hold a password
    read: Callable[[object], object]

    @property
    def flag(self) -> str:
        """The option of the command."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"{_PREFIX}{self.name.upper()}"


SETTINGS: Final[tuple[Setting, ...]] = tuple(
    Setting(name=each.name, default=each.default, **each.metadata)
    for each in fields(ServeSettings)
    if each.default is not MISSING
)
"""The table, in the order of `ServeSettings`."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, and where each comes from."""

    settings: ServeSettings
    origins: Mapping[str, str]  # by name: "default", "file", "environment" or "flag"

    def lines(self) -> Iterator[str]:
        """Every setting as a line of a settings file, passwords masked, with where its value comes from."""
        shown = {each.name: _toml(each, getattr(self.settings, each.name)) for each in SETTINGS}
        width = max(len(f"{name} = {value}") for name, value in shown.items())
        for each in SETTINGS:
            told = f"{each.name} = {shown[each.name]}"
            yield f"{told:<{width}}  # {self.origins[each.name]}; {each.flag}, {each.variable}"


def resolve(
    flags: Mapping[str, object], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Resolved:
    """The settings in force.

    Args:
        flags: What the command line says, by name; None where it says nothing.
        file: A settings file, TOML; None: the one that SHARECAST_SETTINGS names, or none.
        environment: The environment variables; an empty one counts as not set.

    Raises:
        InvalidArgument: a value that is not allowed, by the name under which it was given; a file that cannot be read,
            is no TOML, or has a key that is no setting.
    """
    named = file or (Path(environment[f"{_PREFIX}SETTINGS"]) if environment.get(f"{_PREFIX}SETTINGS") else None)
    written = {} if named is None else _written(named)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for each in SETTINGS:
        found: tuple[str, str, object] | None = None
        if flags.get(each.name) is not None:
            found = ("flag", each.flag, flags[each.name])
        elif environment.get(each.variable):
            found = ("environment", each.variable, environment[each.variable])
        elif each.name in written:
            found = ("file", f"{each.name} in {named}", written[each.name])
        origins[each.name] = found[0] if found else "default"
        if found is not None:
            try:
                values[each.name] = each.read(found[2])
            except _Unfit as allowed:
                shown = "***" if each.secret else found[2]
                raise InvalidArgument(found[1], shown, str(allowed)) from None
    return Resolved(ServeSettings(**values), origins)


def misspelled(environment: Mapping[str, str] = os.environ, /) -> list[str]:
    """For each variable that is no setting, and whose name is nearly that of one, what to tell of it.

    Other names that begin so are left alone: a cluster with a service called sharecast sets some for every program.
    """
    from difflib import get_close_matches  # here, as every command reads these settings

    known = [*(each.variable for each in SETTINGS), f"{_PREFIX}SETTINGS", f"{_PREFIX}KEY"]
    others = (name for name in environment if name.startswith(_PREFIX) and name not in known)
    near = ((name, get_close_matches(name, known, 1, 0.85)) for name in sorted(others))
    return [f"{name} in the environment sets nothing; {right[0]} would" for name, right in near if right]


def _written(file: Path) -> dict[str, Any]:
    import tomllib  # here, as every command reads these settings and few a file

    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(str(file), error.strerror, "", f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(str(file), str(error), "", f"is not TOML: {error}") from None
    known = [each.name for each in SETTINGS]
    for name in found:
        if name not in known:
            raise InvalidArgument(f"key in {file}", name, ", ".join(known))
    return found


def _toml(setting: Setting, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case _:
            text = "" if value is None else str(value)
            if setting.secret:
                text = re.sub(r"(?<=://)([^/:@]*):.*(?=@)", r"\1:***", text)
                text = re.sub(r"(?<=[?&]password=)[^&]*", "***", text)
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
