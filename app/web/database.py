"""Flask-SQLAlchemy around the engine that the core already has."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from app.core.db import Database
from app.core.models import Base


class SharedEngine(SQLAlchemy):
    """Holds one engine that is not its own: a second one would be a second set of rules for SQLite."""

    def __init__(self, db: Database) -> None:
        self._shared = db.engine
        super().__init__(metadata=Base.metadata)

    def _make_engine(self, bind_key: str | None, options: dict[str, object], app: Flask) -> Engine:
        return self._shared


def shared(app: Flask, db: Database) -> SQLAlchemy:
    extension = SharedEngine(db)
    extension.init_app(app)
    return extension
