"""Start Carillon: ``python wsgi.py`` is ``carillon serve``; the console command ``carillon`` enters here too."""

from typing import TYPE_CHECKING

import config
from app import cli

if TYPE_CHECKING:
    from flask import Flask

    from app.bootstrap import Services


def create_app(services: "Services") -> "Flask":
    """The web application; loaded by the command that serves it only."""
    from app import web

    return web.create_app(services)


PARTS = cli.Parts(config.load, config.SettingsError, create_app)


def command() -> None:
    """Run the console command with the settings of the environment."""
    cli.main(PARTS)


if __name__ == "__main__":
    cli.main(PARTS, ["serve"])
