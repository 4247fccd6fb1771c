"""API keys and their revocations, to which rows are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("api_keys", "api_key_revocations")


def upgrade() -> None:
    """Make both tables, and have the database itself refuse to change or delete a row."""
    moment = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sqlite_strict=True,
    )
    op.create_table(
        "api_key_revocations",
        sa.Column("key_id", sa.Text, sa.ForeignKey("api_keys.key_id"), primary_key=True),
        sa.Column("recorded_at", moment, nullable=False),
        sqlite_strict=True,
    )
    for table in _TABLES:
        if op.get_bind().dialect.name == "sqlite":
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
                )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION sharecast_only_add()"
            )
