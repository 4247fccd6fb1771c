"""The tables of the store, one schema for SQLite and PostgreSQL.

Rows are only ever added; the state of a job and its lease alone change. A figure's quarter says when it holds; its
`published_at`, and the `recorded_at` of the import that brought it, say since when that is known: to the world, and
here. A row that was withdrawn or replaced stays too: another row says which later entry of `imports` ended it.
"""

from typing import Final

import sqlalchemy as sa

DAY: Final = sa.Date().with_variant(sa.Text(), "sqlite")  # ISO text: strict tables of SQLite know no dates
MOMENT: Final = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")  # ISO text in UTC
FLAG: Final = sa.Boolean().with_variant(sa.Integer(), "sqlite")
NUMBER: Final[sa.types.TypeEngine[float]] = sa.Double().with_variant(sa.REAL(), "sqlite")

metadata = sa.MetaData()

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 in the order they were kept
    sa.Column("recorded_at", MOMENT, nullable=False),
    sa.Column("request_id", sa.Text, unique=True),  # null: none was given
    sa.Column("content_hash", sa.Text, nullable=False),  # SHA-256 of what was to be imported
    sa.Column("kind", sa.Text, nullable=False),  # of the table: figures, shares or names; or withdrawal
    sa.Column("name", sa.Text, nullable=False),  # of the table, as its owner calls it
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("known", sa.Integer, nullable=False),
    sa.Column("markets", sa.Text, nullable=False),  # JSON list of names
    sa.Column("warnings", sa.Text, nullable=False),  # JSON list of sentences
    # null in imports of earlier versions, which ended nothing and reported no changes
    sa.Column("ended", sa.Integer),  # rows of earlier imports that no longer count
    sa.Column("restated", sa.Integer),  # of `added`: rows that say something else of what was known
    sa.Column("superseded", sa.Integer),  # cells known before of which nothing is said any more
    sa.Column("changes", sa.Text),  # JSON: the first restated and superseded cells; of a withdrawal, what it ended
    sa.Column("named", sa.Integer),  # changes of names that it brought
    sqlite_strict=True,
)

figures = sa.Table(
    "figures",
    metadata,
    sa.Column("import_number", sa.Integer, sa.ForeignKey("imports.number"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),  # 1, 2, 3 within the import
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("research_house", sa.Text, nullable=False),
    sa.Column("house", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("annual", FLAG, nullable=False),
    sa.Column("providers", sa.Text, nullable=False),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("value", NUMBER, nullable=False),
    sa.Column("qualifier", sa.Text, nullable=False),
    sa.Column("decimals", sa.Integer, nullable=False),
    sa.Column("published_at", DAY, nullable=False),
    sa.Column("published_inferred", FLAG, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("stated_as", sa.Text),
    sa.Column("publisher", sa.Text),
    sa.Column("source_title", sa.Text),
    sa.Column("source_url", sa.Text),
    sa.Column("note", sa.Text),
    sa.Index("figures_of_a_series", "market", "house", "published_at"),
    sqlite_strict=True,
)


def _ends(name: str, of: sa.Table) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("import_number", sa.Integer, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("ended_by", sa.Integer, sa.ForeignKey("imports.number"), nullable=False),
        sa.ForeignKeyConstraint(["import_number", "line"], [of.c.import_number, of.c.line]),
        sqlite_strict=True,
    )


figure_ends = _ends("figure_ends", figures)

name_changes = sa.Table(
    "name_changes",
    metadata,
    sa.Column("import_number", sa.Integer, sa.ForeignKey("imports.number"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),  # 1, 2, 3 within the import
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("house", sa.Text, nullable=False),  # empty: every house
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("into_provider", sa.Text, nullable=False),  # INTO is a word of SQL
    sa.Column("kind", sa.Text, nullable=False),  # renamed or merged
    sa.Column("period", sa.Text, nullable=False),  # the first quarter; empty: not told
    sa.Column("published_at", DAY, nullable=False),
    sqlite_strict=True,
)

name_change_ends = _ends("name_change_ends", name_changes)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),  # the public half of the key
    sa.Column("secret_hash", sa.Text, nullable=False),  # SHA-256 of the secret half, which is not kept
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),  # read, write or admin
    sa.Column("label", sa.Text, nullable=False),  # for people
    sa.Column("recorded_at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT),  # null: never
    sqlite_strict=True,
)

api_key_revocations = sa.Table(
    "api_key_revocations",
    metadata,
    sa.Column("key_id", sa.Text, sa.ForeignKey("api_keys.key_id"), primary_key=True),
    sa.Column("recorded_at", MOMENT, nullable=False),
    sqlite_strict=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 in the order they were made
    sa.Column("job_id", sa.Text, nullable=False, unique=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text),  # null: none was given
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("markets", sa.Integer, nullable=False),
    sa.Column("batch", sa.LargeBinary, nullable=False),  # a ForecastBatch
    sa.Column("state", sa.Text, nullable=False),  # running, done, cancelled or failed
    sa.UniqueConstraint("tenant", "request_id"),
    sa.Index("jobs_by_state", "state", "number"),
    sa.Index("jobs_by_tenant", "tenant", "number"),
    sqlite_strict=True,
)

# Apart from `jobs`, whose rows hold the batch: SQLite writes a row anew whole, and this changes every second.
job_leases = sa.Table(
    "job_leases",
    metadata,
    sa.Column("job_number", sa.Integer, sa.ForeignKey("jobs.number"), primary_key=True),
    sa.Column("owner", sa.Text),  # the process that works on the job; null: none
    sa.Column("beat", sa.Integer, nullable=False),  # grows while the owner is alive
    sa.Column("tries", sa.Integer, nullable=False),  # processes that took it since the last outcome was kept
    sa.Column("done", sa.Integer, nullable=False),  # outcomes
    sa.Column("failed", sa.Integer, nullable=False),  # outcomes that are errors
    sa.Column("error", sa.LargeBinary),  # a google.rpc.Status: why the job failed; null: it did not
    sqlite_strict=True,
)

job_outcomes = sa.Table(
    "job_outcomes",
    metadata,
    sa.Column("job_number", sa.Integer, sa.ForeignKey("jobs.number"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),  # 0, 1, 2 in the order of the batch
    sa.Column("failed", FLAG, nullable=False),
    sa.Column("outcome", sa.LargeBinary, nullable=False),  # a MarketOutcome
    sqlite_strict=True,
)
