"""Start Carillon: ``python wsgi.py`` is ``carillon serve``; the console command ``carillon`` enters here too."""

import config
from app import cli


def command() -> None:
    """Run the console command with the settings of the environment."""
    cli.main(config.load, config.SettingsError)


if __name__ == "__main__":
    cli.main(config.load, config.SettingsError, ["serve"])
