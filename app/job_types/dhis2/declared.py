"""The documented job types of DHIS2, in its order, with their parameters, defaults and ranges."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from app.core.errors import FieldError
from app.core.job_types import JobType, Kind, Parameter, SystemJob
from app.core.statuses import TriggerKind
from app.core.uids import UID

WORK, SYSTEM_WORK = "app.job_types.dhis2.work:run", "app.job_types.dhis2.work:run_system_job"
TABLES = (
    "DATA_VALUE", "COMPLETENESS", "COMPLETENESS_TARGET", "ORG_UNIT_TARGET", "VALIDATION_RESULT", "EVENT", "ENROLLMENT",
    "OWNERSHIP", "TRACKED_ENTITY_INSTANCE_EVENTS", "TRACKED_ENTITY_INSTANCE_ENROLLMENTS", "TRACKED_ENTITY_INSTANCE",
)  # fmt: skip


def _parameter(kind: Kind, name: str, help_text: str = "", default: Any = None, **more: Any) -> Parameter:
    """Its label is its name in words: ``lastYears`` is "Last years"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return Parameter(name, kind, words[0].upper() + words[1:], help_text, default, **more)


def _choices(*values: str) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


_text, _choice = partial(_parameter, "text"), partial(_parameter, "choice")
_integer, _boolean = partial(_parameter, "integer"), partial(_parameter, "boolean", default=False)
_list = partial(_parameter, "list", default=[])


def _validation_rule_groups(parameters: Mapping[str, Any]) -> Iterator[FieldError]:
    for uid in parameters["validationRuleGroups"]:
        if not UID.fullmatch(uid):
            yield FieldError("validationRuleGroups", f"{uid!r} is no UID", "uid")


def _job_type(name: str, description: str, *parameters: Parameter, function: str = WORK, **more: Any) -> JobType:
    label = name.replace("_", " ").capitalize()
    return JobType(name, label, description, function, parameters, family="DHIS2", one_at_a_time=True, **more)


def _system(name: str, uid: str, job: str, expression: str = "", delay: int | None = None) -> JobType:
    system = SystemJob(uid, job, expression, delay)
    kind = TriggerKind.FIXED_DELAY if delay else TriggerKind.CRON
    return _job_type(name, f"{job}.", function=SYSTEM_WORK, system=system, usual_trigger=kind)


CHECKS = _list("checks", "Names of the checks to run, in order; none means all.")
YEARS = _integer("lastYears", "Number of years back to include; 0 means all.", default=0)
SKIP_TABLES = _list("skipTableTypes", "Kinds of tables that are left out.", choices=_choices(*TABLES))
SKIP_OUTLIERS = _boolean("skipOutliers", "Leave the statistics of outliers out.")
START = _integer("relativeStart", "Days from the run to the start of the period; negative lies before.", default=0)
END = _integer("relativeEnd", "Days from the run to the end of the period; negative lies before.", default=0)


def _pages(name: str, default: int, minimum: int, maximum: int, what: str) -> Parameter:
    help_text = f"Number of {what} in one request."
    return _integer(name, help_text, default=default, minimum=minimum, maximum=maximum)


FOR_PEOPLE: Sequence[JobType] = (
    _job_type(
        "DATA_INTEGRITY", "Looks for contradictions in the data and its definitions.", CHECKS,
        _choice("type", "What is kept of the result.", "REPORT", choices=_choices("REPORT", "SUMMARY", "DETAILS")),
    ),
    _job_type("DATA_INTEGRITY_DETAILS", "Lists what contradicts, check by check.", CHECKS),
    _job_type("RESOURCE_TABLE", "Makes the resource tables anew."),
    _job_type(
        "ANALYTICS_TABLE", "Makes the analytics tables anew.", YEARS, SKIP_TABLES,
        _list("skipPrograms", "UIDs of programs that are left out."),
        _boolean("skipResourceTables", "Leave the resource tables as they are."), SKIP_OUTLIERS,
    ),
    _job_type(
        "CONTINUOUS_ANALYTICS_TABLE", "Takes the latest data into the analytics tables, again and again.",
        _integer("fullUpdateHourOfDay", "Hour of the day of the full update.", default=0, minimum=0, maximum=23),
        YEARS, SKIP_TABLES, SKIP_OUTLIERS, usual_trigger=TriggerKind.FIXED_DELAY,
    ),
    _job_type(
        "DATA_SYNC", "Sends data values to the central server.", _pages("pageSize", 10000, 50, 30000, "data values"),
    ),
    _job_type(
        "TRACKER_PROGRAMS_DATA_SYNC", "Sends tracked entities to the central server.",
        _pages("pageSize", 20, 5, 100, "tracked entities"),
    ),
    _job_type(
        "EVENT_PROGRAMS_DATA_SYNC", "Sends events to the central server.", _pages("pageSize", 60, 5, 200, "events"),
    ),
    _job_type(
        "SINGLE_EVENT_DATA_SYNC", "Sends single events to the central server.",
        _pages("pageSize", 60, 5, 200, "events"),
    ),
    _job_type(
        "TRACKED_ENTITY_DATA_SYNC", "Sends tracked entities to the central server.",
        _pages("pageSize", 60, 5, 200, "tracked entities"),
    ),
    _job_type(
        "META_DATA_SYNC", "Takes definitions over from the central server.",
        _pages("trackerProgramPageSize", 20, 5, 100, "tracked entities"),
        _pages("eventProgramPageSize", 60, 5, 200, "events"),
        _pages("dataValuesPageSize", 10000, 50, 30000, "data values"),
    ),
    _job_type(
        "AGGREGATE_DATA_EXCHANGE", "Exchanges aggregate data with other servers.",
        _list("dataExchangeIds", "UIDs of the data exchanges to run.", required=True),
    ),
    _job_type("SEND_SCHEDULED_MESSAGE", "Sends the messages that are due."),
    _job_type("PROGRAM_NOTIFICATIONS", "Sends the notifications of programs that are due."),
    _job_type(
        "MONITORING", "Checks data against validation rules.", START, END,
        _list("validationRuleGroups", "UIDs of the groups of validation rules to check."),
        _boolean("sendNotifications", "Tell the recipients of the groups.", aliases=["sendNotification"]),
        _boolean("persistResults", "Keep what was found.", aliases=["persistsResults"]),
        problems=_validation_rule_groups,
    ),
    _job_type("PUSH_ANALYSIS", "Sends reports.", _list("pushAnalysis", "UIDs of the push analyses to send.")),
    _job_type(
        "HTML_PUSH_ANALYTICS", "Sends a dashboard.",
        _text("dashboard", "UID of the dashboard.", required=True),
        _text("receivers", "UID of the group of users that gets it.", required=True),
        _choice("mode", "Whose rights count.", required=True, choices=_choices("EXECUTOR", "RECEIVER")),
    ),
    _job_type(
        "TRACKER_SEARCH_OPTIMIZATION", "Makes indexes for the search of tracked entities.",
        _list("attributes", "UIDs of the attributes to index."),
        _boolean("skipIndexDeletion", "Keep indexes that are no longer wanted."),
    ),
    _job_type(
        "TRACKER_TRIGRAM_INDEX_MAINTENANCE", "Keeps the indexes of the search for parts of words in order.",
        _boolean("runAnalyze", "Count what is in the tables afterwards."),
    ),
    _job_type(
        "PREDICTOR", "Computes predicted data.", START, END,
        _list("predictors", "UIDs of the predictors to run."),
        _list("predictorGroups", "UIDs of the groups of predictors to run."),
    ),
    _job_type(
        "MATERIALIZED_SQL_VIEW_UPDATE", "Refreshes materialized views.", _list("sqlViews", "UIDs of the SQL views."),
    ),
    _job_type(
        "DISABLE_INACTIVE_USERS", "Locks the accounts of users who have not logged in for long.",
        # DHIS2's own default is out of its own range: somebody has to say the number.
        _integer("inactiveMonths", "Months without a login.", default=0, required=True, minimum=1, maximum=24),
        _integer("reminderDaysBefore", "Days ahead at which the user is told.", minimum=1, maximum=28),
    ),
    _job_type(
        "LOCK_EXCEPTION_CLEANUP", "Removes lock exceptions that are over.",
        _integer("expiresAfterMonths", "Months after which one is over.", minimum=1, maximum=12),
    ),
)  # fmt: skip

SYSTEM: Sequence[JobType] = (
    _system("HOUSEKEEPING", "DHIS2rocks1", "Housekeeping", delay=20),
    _system("DATA_VALUE_TRIM", "D2datatrim8", "Data value trim", "0 0 1 ? * *"),
    _system("DATA_SET_NOTIFICATION", "YvAwAmrqAtN", "Dataset notification", "0 0 2 ? * *"),
    _system("CREDENTIALS_EXPIRY_ALERT", "sHMedQF7VYa", "Credentials expiry alert", "0 0 2 ? * *"),
    _system("DATA_STATISTICS", "BFa3jDsbtdO", "Data statistics", "0 0 2 ? * *"),
    _system("FILE_RESOURCE_CLEANUP", "pd6O228pqr0", "File resource clean up", "0 0 2 ? * *"),
    _system("ACCOUNT_EXPIRY_ALERT", "fUWM1At1TUx", "User account expiry alert", "0 0 2 ? * *"),
    _system("VALIDATION_RESULTS_NOTIFICATION", "Js3vHn2AVuG", "Validation result notification", "0 0 7 ? * *"),
    _system(
        "REMOVE_USED_OR_EXPIRED_RESERVED_VALUES", "uwWCT2BMmlq", "Remove expired or used reserved values",
        "0 0 2 ? * *",
    ),
    _system(
        "SYSTEM_VERSION_UPDATE_CHECK", "vt21671bgno", "System version update check notification",
        "{second} {minute} {hour} ? * *",
    ),
)  # fmt: skip
"""Each of them has one job, under the id and the name that DHIS2 gives it."""
JOB_TYPES = (*FOR_PEOPLE, *SYSTEM)
