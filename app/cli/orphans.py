"""carillon orphans: result files without a record, and records without their file."""

import click

from app.cli.opening import services, table


@click.command()
@click.option("--remove-files", is_flag=True, help="Delete the files that no record knows.")
@click.option("--forget-records", is_flag=True, help="Remove the records whose file is not there.")
def orphans(remove_files: bool, forget_records: bool) -> None:
    """Look for result files without a record, and for records without their file.

    Shows them; removes only what is asked for. Files of the last 24 hours and of active runs are left alone. After a
    backup was restored, files of runs that it does not know are shown here.
    """
    with services() as opened:
        found = opened.orphans.find()
        if found.files:
            table(["FILE", "BYTES", "WRITTEN"], [(file.path, file.size, file.written_at) for file in found.files])
        if found.records:
            records = [(each.id, each.run_id, each.job_name, each.path) for each in found.records]
            table(["RECORD", "RUN", "JOB", "MISSING FILE"], records)
        if not found.files and not found.records:
            click.echo("Every file has a record, and every record a file.")
        if remove_files:
            click.echo(f"Deleted files: {opened.orphans.remove_files()}")
        if forget_records:
            click.echo(f"Removed records: {opened.orphans.forget_records()}; the next upkeep takes them away.")
