"""Which process works on a job, and how far the job is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table with a row for each job there is, and an index that finds those that are to go on."""
    op.create_table(
        "job_leases",
        sa.Column("job_number", sa.Integer, sa.ForeignKey("jobs.number"), primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("jobs_by_state", "jobs", ["state", "number"])
    op.create_index("jobs_by_tenant", "jobs", ["tenant", "number"])
    op.execute(
        "INSERT INTO job_leases (job_number, beat, tries, done, failed) "
        "SELECT number, 0, 0, count(job_outcomes.place), coalesce(sum(CAST(failed AS INTEGER)), 0) "
        "FROM jobs LEFT JOIN job_outcomes ON job_outcomes.job_number = jobs.number GROUP BY number"
    )
