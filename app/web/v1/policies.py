"""What a job wants beyond its schedule, as a member of its document."""

from typing import Any

from marshmallow import Schema, fields, post_load

from app.core.policies import MAX_SECONDS, MOST, PRIORITIES, Policies
from app.core.retries import LONGEST_SECONDS, MOST_RETRIES, RETRIABLE, RetryPolicy
from app.core.statuses import FailureReason, OverlapRule, Recovery
from app.web.v1.fields import TEXT, Amount


class RetrySchema(Schema):
    """Further attempts of a run that failed. Its time limit counts for all of them together."""

    count = fields.Integer(
        strict=True, required=True, metadata={"description": f"How many more there may be, 0 to {MOST_RETRIES}."}
    )
    delay_seconds = Amount(f"The pause before the first of them, 0 to {LONGEST_SECONDS}.", RetryPolicy.delay_seconds)
    factor = Amount("Each further pause is so many times as long as the one before, 1 to 100.", RetryPolicy.factor)
    max_delay_seconds = Amount("No pause is longer.", RetryPolicy.max_delay_seconds)
    jitter = Amount("The part of a pause, 0 to 1, by which chance may shorten it.", RetryPolicy.jitter)
    on = fields.List(
        fields.Enum(FailureReason, by_value=True, metadata=TEXT), load_default=list(RETRIABLE),
        metadata={"description": f"Why it must have failed, some of: {', '.join(RETRIABLE)}."},
    )  # fmt: skip

    @post_load
    def policy(self, data: dict[str, Any], **kwargs: Any) -> RetryPolicy:
        return RetryPolicy(**data | {"on": tuple(data["on"])})


class PoliciesSchema(Schema):
    """How the runs of a job get along with each other and with others, and what follows when one ends badly."""

    overlap = fields.Enum(OverlapRule, by_value=True, load_default=Policies.overlap, metadata={**TEXT, "description": (
        "What becomes of a fire that finds a run of the job active. skip: it is left out. queue: it waits for its turn "
        "while fewer than `overlap_limit` do. parallel: it starts beside them, while fewer than `overlap_limit` are "
        "active. cancel_previous: it starts when they have been cancelled."
    )})  # fmt: skip
    overlap_limit = fields.Integer(
        strict=True, load_default=Policies.overlap_limit, metadata={"description": f"See `overlap`; 1 to {MOST}."}
    )
    start_deadline_seconds = fields.Integer(
        strict=True, load_default=None, allow_none=True,
        metadata={"description": f"A run that has waited longer fails unbegun. 1 to {MAX_SECONDS}; null: it waits."},
    )  # fmt: skip
    priority = fields.Integer(
        strict=True, load_default=Policies.priority,
        metadata={"description": "Of runs that wait the one with the higher number begins first. "
                  f"{PRIORITIES[0]} to {PRIORITIES[-1]}."},
    )  # fmt: skip
    pool = fields.String(
        load_default=None, allow_none=True, metadata={"description": "A pool whose places it shares; see `/pools`."}
    )
    retry = fields.Nested(
        RetrySchema, load_default=None, allow_none=True, metadata={"description": "Null: one attempt is all."}
    )
    attempt_timeout_seconds = fields.Integer(
        strict=True, load_default=None, allow_none=True,
        metadata={"description": "An attempt that takes longer is ended and has failed; `timeout_seconds` counts for "
                  "all attempts together."},
    )  # fmt: skip
    recovery = fields.Enum(Recovery, by_value=True, load_default=Policies.recovery, metadata={**TEXT, "description": (
        "What becomes of a run that was interrupted, by the end of the server or of its worker. fail: it stays so. "
        "retry: another attempt, up to three in all; the job must stand being run twice. ask: somebody decides, at "
        "`/runs/{run_id}/decision`."
    )})  # fmt: skip

    @post_load
    def policies(self, data: dict[str, Any], **kwargs: Any) -> Policies:
        return Policies(**data)
