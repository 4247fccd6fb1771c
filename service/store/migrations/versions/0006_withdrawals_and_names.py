"""What ends earlier rows (a withdrawal, or an import that replaces), and declared names of providers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("figure_ends", "name_changes", "name_change_ends")


def upgrade() -> None:
    """Add columns and tables; of the imports there are, none has ended a row."""
    op.add_column("imports", sa.Column("ended", sa.Integer))
    op.add_column("imports", sa.Column("restated", sa.Integer))
    op.add_column("imports", sa.Column("superseded", sa.Integer))
    op.add_column("imports", sa.Column("changes", sa.Text))
    op.add_column("imports", sa.Column("named", sa.Integer))
    _create_ends("figure_ends", "figures")
    op.create_table(
        "name_changes",
        sa.Column("import_number", sa.Integer, sa.ForeignKey("imports.number"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("market", sa.Text, nullable=False),
        sa.Column("house", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("into_provider", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("published_at", sa.Date().with_variant(sa.Text(), "sqlite"), nullable=False),
        sqlite_strict=True,
    )
    _create_ends("name_change_ends", "name_changes")
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


def _create_ends(name: str, of: str) -> None:
    op.create_table(
        name,
        sa.Column("import_number", sa.Integer, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("ended_by", sa.Integer, sa.ForeignKey("imports.number"), nullable=False),
        sa.ForeignKeyConstraint(["import_number", "line"], [f"{of}.import_number", f"{of}.line"]),
        sqlite_strict=True,
    )
