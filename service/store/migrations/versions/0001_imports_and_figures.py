"""Imports and their figures, to which rows are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = ("imports", "figures")


def upgrade() -> None:
    """Make both tables, and have the database itself refuse to change or delete a row."""
    # Written out, not taken from `service.store.tables`: that is what the newest migration leads to, this the first.
    day = sa.Date().with_variant(sa.Text(), "sqlite")
    moment = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
    flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")
    number: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
    op.create_table(
        "imports",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("request_id", sa.Text, unique=True),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rows_read", sa.Integer, nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("known", sa.Integer, nullable=False),
        sa.Column("markets", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "figures",
        sa.Column("import_number", sa.Integer, sa.ForeignKey("imports.number"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("market", sa.Text, nullable=False),
        sa.Column("research_house", sa.Text, nullable=False),
        sa.Column("house", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("annual", flag, nullable=False),
        sa.Column("providers", sa.Text, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("value", number, nullable=False),
        sa.Column("qualifier", sa.Text, nullable=False),
        sa.Column("decimals", sa.Integer, nullable=False),
        sa.Column("published_at", day, nullable=False),
        sa.Column("published_inferred", flag, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("stated_as", sa.Text),
        sa.Column("publisher", sa.Text),
        sa.Column("source_title", sa.Text),
        sa.Column("source_url", sa.Text),
        sa.Column("note", sa.Text),
        sqlite_strict=True,
    )
    op.create_index("figures_of_a_series", "figures", ["market", "house", "published_at"])
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION sharecast_only_add() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION sharecast_only_add()"
        )
