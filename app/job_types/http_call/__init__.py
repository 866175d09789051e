"""Job types that ask something of another program over HTTP."""

from app.job_types.http_call.http_request import HTTP_REQUEST
from app.job_types.http_call.runner_call import RUNNER_CALL

__all__ = ["JOB_TYPES"]

JOB_TYPES = [HTTP_REQUEST, RUNNER_CALL]
