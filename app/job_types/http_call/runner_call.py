"""RUNNER_CALL: tell another program on this machine to run one of its tasks."""

import json
from collections.abc import Callable

from app.core.job_types import JobContext, JobError, JobType, Parameter
from app.core.statuses import FailureReason
from app.job_types.http_call.delivery import delivery_headers
from app.job_types.http_call.exchange import Answer, Limits, Question, ask

SHOWN = 1000  # characters of an answer that get into the log and into an error
STATUS, ERROR, SENT = "status", "error", "sent"


def run(context: JobContext) -> None:
    address = context.setting("runner_url")
    if not address:
        raise JobError("CARILLON_RUNNER_URL is not set", FailureReason.CONFIG)
    meaning, task = context.parameters["answer"], context.parameters["task"] or context.job_id
    question = Question("GET", f"{address}/{task}", {**delivery_headers(context), "Accept": "application/json"})
    limits = Limits(context.parameters["timeLimitSeconds"], wants_answer=meaning != SENT)
    context.log(f"GET {question.url}")
    answer = ask(context, question, limits)
    if answer is not None:
        context.log(f"{answer.status} {answer.reason}\n{_text(answer)}".rstrip())
        CHECKS[meaning](answer)


def _check_status(answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        raise JobError(f"the runner answered {answer.status} {answer.reason}: {_text(answer)}".rstrip(": "))


def _check_error(answer: Answer) -> None:
    """em's runner answers 200 and says in the body what is wrong."""
    _check_status(answer)
    try:
        said = json.loads(answer.body)
    except ValueError:
        raise JobError(f"the runner's answer is no JSON: {_text(answer)}") from None
    if isinstance(said, dict) and said.get("error"):
        raise JobError(f"the runner answered with an error: {str(said['error'])[:SHOWN]}")


CHECKS: dict[str, Callable[[Answer], None]] = {STATUS: _check_status, ERROR: _check_error}


def _text(answer: Answer) -> str:
    return answer.body[: 4 * SHOWN].decode("utf-8", "replace")[:SHOWN].strip()


RUNNER_CALL = JobType(
    name="RUNNER_CALL",
    label="Runner call",
    description="Asks a program on this machine to run a task: GET CARILLON_RUNNER_URL/<task>.",
    function="app.job_types.http_call.runner_call:run",
    settings=("runner_url",),
    parameters=[
        Parameter(
            "task",
            "integer",
            "Task",
            minimum=0,
            help="The number that the runner knows the task by. Empty: the number of this job.",
        ),
        Parameter(
            "answer",
            "choice",
            "What the answer means",
            default=STATUS,
            choices=[
                (STATUS, "A status from 200 to 299 is success"),
                (ERROR, 'The same, and JSON without "error"'),
                (SENT, "Nothing: do not wait for it"),
            ],
        ),
        Parameter(
            "timeLimitSeconds",
            "integer",
            "Time limit, in seconds",
            default=60,
            minimum=1,
            maximum=86400,
            help="Without an answer by then the run fails.",
        ),
    ],
)
