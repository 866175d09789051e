"""Keeping the house running."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("carillon_instance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True))
