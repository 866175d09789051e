"""What goes with every question that a job asks of another program, so that this one can tell repetitions."""

from datetime import UTC

from app.core.job_types import JobContext


def delivery_headers(context: JobContext) -> dict[str, str]:
    """``Idempotency-Key`` is the same in all attempts of a run; the moment is ISO 8601 in UTC."""
    headers = {"Idempotency-Key": str(context.fire_id), "X-Attempt": str(context.attempt), "User-Agent": "Carillon"}
    if context.scheduled_for is not None:
        headers["X-Scheduled-At"] = context.scheduled_for.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return headers
