"""Start Carillon: ``python wsgi.py`` is ``carillon serve``; the console command ``carillon`` enters here too."""

import gc
from typing import TYPE_CHECKING

gc.disable()  # what is loaded stays: to look it through for garbage takes a fifth of the time of a start

import config  # noqa: E402
from app import cli  # noqa: E402

gc.freeze()
gc.enable()

if TYPE_CHECKING:
    from flask import Flask

    from app.bootstrap import Services


def create_app(services: "Services") -> "Flask":
    """The web application; loaded by the command that serves it only."""
    gc.disable()
    try:
        from app import web

        return web.create_app(services)
    finally:
        gc.freeze()
        gc.enable()


PARTS = cli.Parts(config.load, config.SettingsError, create_app)


def command() -> None:
    """Run the console command with the settings of the environment."""
    cli.main(PARTS)


if __name__ == "__main__":
    cli.main(PARTS, ["serve"])
