"""Lists of jobs from an index. Written by hand: Alembic cannot compare indexes of expressions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JOBS = sa.text("deleted_at IS NULL AND NOT job_type = 'QUEUE'")


def upgrade() -> None:
    op.create_index(
        "ix_job_by_name", "job", [sa.text("lower(name)"), "id", "is_system", "enabled"],
        sqlite_where=JOBS, postgresql_where=JOBS,
    )  # fmt: skip
