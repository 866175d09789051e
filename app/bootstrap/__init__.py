"""The composition root: the only place that picks adapters."""

from app.bootstrap.building import build
from app.bootstrap.parts import WORKER, Given, lease_of
from app.bootstrap.services import Services

__all__ = ["WORKER", "Given", "Services", "build", "lease_of"]
