"""Moments and durations as DHIS2 writes them."""

from datetime import datetime, timedelta

from app.web.auth import services


def local(moment: datetime | None) -> str | None:
    """The server's wall clock, without a zone: that is how DHIS2 writes times."""
    if moment is None:
        return None
    return moment.astimezone(services().settings.zone).replace(tzinfo=None).isoformat(timespec="milliseconds")


def duration(seconds: float) -> str:
    """``HH:mm:ss.SSS``; the hours go on past 24."""
    milliseconds = timedelta(seconds=seconds) // timedelta(milliseconds=1)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds:03}"
