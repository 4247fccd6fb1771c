"""Jobs and the outcomes of their markets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables; the state of a job alone changes."""
    moment = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
    flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("job_id", sa.Text, nullable=False, unique=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("markets", sa.Integer, nullable=False),
        sa.Column("batch", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "request_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "job_outcomes",
        sa.Column("job_number", sa.Integer, sa.ForeignKey("jobs.number"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("failed", flag, nullable=False),
        sa.Column("outcome", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
