"""The console command ``carillon``: the same services as the server's, in a terminal."""

import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli import (
    backup,
    connections,
    definitions,
    drain,
    health,
    keys,
    orphans,
    pauses,
    plan_stop,
    preview,
    sample,
    serve,
    tokens,
    users,
    wake,
    why,
)
from app.cli.opening import Parts
from app.core.errors import CarillonError, StartRefusedError

__all__ = ["Parts", "carillon", "main"]

CONFIGURATION = 78  # sysexits.h: EX_CONFIG; a supervisor should not start us again


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def carillon() -> None:
    """Carillon rings jobs on time: a self-hosted job scheduler.

    All commands work on the data directory and the database of the settings (environment variables CARILLON_...), also
    while the server is running. `carillon serve` starts the server.
    """


for _command in (
    serve.serve,
    health.health,
    users.user,
    tokens.token,
    connections.connection,
    preview.preview,
    why.why,
    pauses.pause,
    pauses.resume,
    pauses.pauses,
    drain.drain,
    plan_stop.plan_stop,
    backup.backup,
    backup.restore,
    wake.wake,
    definitions.export_definitions,
    definitions.import_definitions,
    orphans.orphans,
    keys.new_key,
    sample.sample,
):
    carillon.add_command(_command)


def main(parts: Parts, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process: 0, 1 with a message, 2 for wrong usage.

    78 is for what has to be put right first: a wrong setting, a damaged database.
    """
    try:
        carillon.main(args=arguments, prog_name="carillon", obj=parts, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (parts.settings_error, StartRefusedError) as error:
        _fail(str(error), CONFIGURATION)
    except CarillonError as error:
        _fail(error.message, 1)
    except (OSError, SQLAlchemyError) as error:
        _fail(str(getattr(error, "orig", None) or error).strip(), 1)


def _fail(message: str, status: int) -> None:
    click.echo(f"carillon: {message}", err=True)
    sys.exit(status)
