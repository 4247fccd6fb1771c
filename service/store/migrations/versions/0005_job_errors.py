"""Why a job was given up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no job of the version before has failed as a whole."""
    op.add_column("job_leases", sa.Column("error", sa.LargeBinary))
