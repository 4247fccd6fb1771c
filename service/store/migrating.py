"""Brings a database to the schema of this version; safe when several processes start at once."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from forecast.errors import InvalidArgument
from service.store import migrations
from service.store.engine import shown, use_wal, writing

NEWEST: Final = "0006"  # the newest migration; a test holds it to be that of `migrations.versions`
VERSION_TABLE: Final = "sharecast_version"  # not Alembic's own name, which another program's tables may use
_APPLICATION_ID = 0x53686172  # "Shar", in the header of the SQLite file
_OURS = (
    *("imports", "figures", "figure_ends", "name_changes", "name_change_ends"),
    *("api_keys", "api_key_revocations", "jobs", "job_leases", "job_outcomes"),
)


def migrate(engine: sa.Engine, /) -> None:
    """Make the tables of a new database, or change those of an older version.

    Raises:
        InvalidArgument: the database is another program's, or of a newer version of Sharecast.
    """
    with engine.connect() as connection:
        found = version_of(connection)
        if found == NEWEST:
            return  # the usual case, without loading Alembic
        if connection.dialect.name == "sqlite":  # elsewhere another process may make the tables between two looks
            _check_ours(connection, found, shown(engine))
            connection.rollback()
            use_wal(connection)  # not before: another program's file stays as it is
    with writing(engine) as connection:
        found = version_of(connection)  # another process may have been first
        if found == NEWEST:
            return
        _check_ours(connection, found, shown(engine))
        _run(connection)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id={_APPLICATION_ID}")


def version_of(connection: sa.Connection, /) -> str | None:
    """The version of a database's tables; None where it has none of ours."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return version


def _check_ours(connection: sa.Connection, version: str | None, database: str) -> None:
    if version is not None and version > NEWEST:
        raise InvalidArgument(
            "database",
            version,
            f"version {NEWEST} or earlier is understood; a newer Sharecast has changed it",
            f"{database} is of version {version}",
        )
    if version is None:
        foreign = foreign_tables(connection)
        if foreign:
            raise InvalidArgument(
                "database",
                database,
                "give a database of Sharecast, or a new one",
                f"{database} holds tables of something else: {', '.join(foreign[:3])}",
            )


def foreign_tables(connection: sa.Connection, /) -> tuple[str, ...]:
    """The tables that keep ours from being made in a database that has no version of ours, ascending."""
    # A SQLite file belongs to one program; a database of PostgreSQL may hold tables of others.
    tables = set(sa.inspect(connection).get_table_names())
    return tuple(sorted(tables if connection.dialect.name == "sqlite" else tables & set(_OURS)))


def _run(connection: sa.Connection) -> None:
    from alembic import command  # a tenth of a second to load, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
