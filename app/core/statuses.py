"""The closed lists: what a run, a fire and their reasons can be. Every dialect maps all of them (tested)."""

from enum import StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        return self in FINAL


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)
FINAL = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED)


class FireOutcome(StrEnum):
    STARTED = "started"
    SKIPPED = "skipped"
    MISSED = "missed"
    HELD = "held"  # waits for a person's answer, then becomes one of the others


class FireReason(StrEnum):
    """Why a fire did not start a run."""

    OVERLAP = "overlap"  # the job's previous run was still active
    COALESCED = "coalesced"  # a later fire of the same trigger stands for this one
    LATE = "late"  # decided later than the trigger's threshold, and its misfire rule leaves it out
    CALENDAR = "calendar"  # the trigger's exclusion calendar takes this time out
    ASK = "ask"  # late, and the misfire rule is to ask
    DECLINED = "declined"  # somebody answered no


class FailureReason(StrEnum):
    """Why a run did not succeed."""

    EXIT = "exit"  # the job's own program ended with an error
    EXCEPTION = "exception"  # the job raised
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"  # the worker process died under the run
    SERVER_LOST = "server_lost"  # the server died or was killed while the run was going on
    SHUTDOWN = "shutdown"  # the server was stopped and the grace time was over
    DISK_FULL = "disk_full"
    OUTPUT_LIMIT = "output_limit"
    CONFIG = "config"  # something the job needs is not set up: a connection, a job type
    STEP = "step"  # of a queue: one of its steps did not succeed


class Origin(StrEnum):
    """Who or what asked for a run."""

    TRIGGER = "trigger"
    MANUAL = "manual"
    QUEUE = "queue"  # it is a step of a queue's run


class OnFailure(StrEnum):
    """What a step of a queue does when a step does not succeed."""

    STOP = "stop"  # itself failed: the steps after it do not start
    CONTINUE = "continue"  # itself failed: the queue goes on all the same
    ALWAYS = "always"  # it starts even when an earlier step has stopped the queue; itself failed: as ``STOP``


class NotStarted(StrEnum):
    """Why a step of a queue's run did not start."""

    STOPPED = "stopped"  # an earlier step did not succeed
    CANCELLED = "cancelled"  # the queue's run was cancelled before
    DISABLED = "disabled"  # its job was switched off
    DELETED = "deleted"  # its job was gone


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    USER = "user"  # sees, runs and downloads


class TriggerKind(StrEnum):
    CRON = "cron"
    SIMPLE = "simple"  # fixed rate in real time
    FIXED_DELAY = "fixed_delay"  # counted from the end of the run; zero is continuous execution
    CALENDAR_INTERVAL = "calendar_interval"  # every n days, months ... by the clock on the wall
    DAILY_INTERVAL = "daily_interval"  # every so often between two times of day
    ONCE = "once"


class CalendarKind(StrEnum):
    HOLIDAYS = "holidays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ANNUAL = "annual"
    DAILY = "daily"
    CRON = "cron"
    PERIODS = "periods"  # from an instant until before another, as timed events of an ICS file
