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

    # skipped
    OVERLAP = "overlap"  # the job's previous run was still active
    QUEUE_FULL = "queue_full"  # as many runs of the job were waiting already as may
    CALENDAR = "calendar"  # the trigger's exclusion calendar takes this time out
    DST_GAP = "dst_gap"  # the clocks left this time out, and the trigger's policy is to skip it
    DISABLED = "disabled"  # the job was switched off before this moment was decided
    EDITED = "edited"  # the trigger was taken away before this moment was decided
    DELETED = "deleted"  # so was the job
    # missed: late, and left out by the misfire rule
    COALESCED = "coalesced"  # a later fire of the same trigger stands for this one
    PAUSED = "paused"
    DRAIN = "drain"  # the server was drained: somebody wanted to stop it
    DOWNTIME = "downtime"  # no server kept the time
    CLOCK_JUMP = "clock_jump"  # the clock was put forward over it
    ASLEEP = "asleep"  # the database was restored, and nothing was decided until somebody woke it
    LATE = "late"  # for another cause: the machine slept, the database was away
    CATCH_UP_CAP = "catch_up_cap"  # more late moments than the trigger makes up for
    DECLINED = "declined"  # somebody answered no
    UNREADABLE = "unreadable"  # the trigger's row is wrong: somebody wrote it by hand
    # held
    CLOCK_BACK = "clock_back"  # the clock was put back: it waits until the clock has passed what is decided
    ASK = "ask"  # late, and the misfire rule is to ask


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
    START_DEADLINE = "start_deadline"  # it waited longer than its job allows
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


class OverlapRule(StrEnum):
    """What becomes of a fire that finds a run of the same job active."""

    SKIP = "skip"
    QUEUE = "queue"  # it waits for its turn, while fewer than the limit do
    PARALLEL = "parallel"  # it starts beside them, while fewer than the limit are active
    CANCEL_PREVIOUS = "cancel_previous"  # it starts when they have been cancelled


class Recovery(StrEnum):
    """What becomes of a run that was interrupted."""

    FAIL = "fail"
    RETRY = "retry"  # the job may safely run twice
    ASK = "ask"


class PauseScope(StrEnum):
    ALL = "all"
    GROUP = "group"
    JOB = "job"
    TRIGGER = "trigger"


class OutageKind(StrEnum):
    DOWN = "down"  # no server kept the time
    DATABASE = "database"  # the database did not work
    DISK = "disk"  # the disk was full
    STANDSTILL = "standstill"  # the machine slept, or the process was stopped
    CLOCK_JUMP = "clock_jump"  # the clock was put forward
    ASLEEP = "asleep"  # since the moment of the backup that was restored
    CLOCK_BACK = "clock_back"  # the clock was put back: from this time it shows again what it has shown


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


class NoticeKind(StrEnum):
    """What somebody may be told of."""

    FAILURE = "failure"  # a run failed
    RECOVERY = "recovery"  # the first success after runs that did not succeed
    INTERRUPTED = "interrupted"  # the server or a worker ended under a run
    HELD = "held"  # a result breaks its job's contract
    MISSED = "missed"  # moments at which a job was due went by


class NoticeScope(StrEnum):
    """Whose notices a rule is for."""

    SITE = "site"
    GROUP = "group"
    JOB = "job"


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


class DeliveryStatus(StrEnum):
    PENDING = "pending"  # it is to be sent, perhaps once more
    SENT = "sent"
    GIVEN_UP = "given_up"  # its time is over, or the recipient does not exist


class SameName(StrEnum):
    """What becomes of a result when its job has one of that name: see app.core.same_names."""

    KEEP = "KEEP"  # both, under one name
    NUMBER = "NUMBER"  # the new one is called "visits (2).csv"
    REPLACE = "REPLACE"  # the earlier ones are deleted, but for pinned ones
    FAIL = "FAIL"
