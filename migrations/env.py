"""Alembic's environment: given a connection by Carillon itself, or by Flask-Migrate's ``flask db`` commands."""

from alembic import context
from sqlalchemy import Connection

from app.core.models import Base


def ours(name: str | None, kind: str, parent_names: object) -> bool:
    """APScheduler makes its table itself."""
    return not (kind == "table" and name == "apscheduler_jobs")


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=ours,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    from flask import current_app

    with current_app.extensions["migrate"].db.engine.begin() as opened:
        migrate(opened)
