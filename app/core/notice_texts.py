"""What notices say: to people by mail, to programs by webhook. Pure: what is to be told comes in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from app.core.statuses import NoticeKind

MOST_TOLD = 50  # one by one; the rest is a number
MOST_IN_SUBJECT = 80  # characters of a job's name
ONE = {
    NoticeKind.FAILURE: "failed",
    NoticeKind.RECOVERY: "works again",
    NoticeKind.INTERRUPTED: "was interrupted",
    NoticeKind.HELD: "has a result that is held",
    NoticeKind.MISSED: "missed a start",
}
MANY = {
    NoticeKind.FAILURE: ("run", "failed"),
    NoticeKind.RECOVERY: ("job", "works again"),
    NoticeKind.INTERRUPTED: ("run", "interrupted"),
    NoticeKind.HELD: ("result", "held"),
    NoticeKind.MISSED: ("start", "missed"),
}
GRAVE_FIRST = (NoticeKind.INTERRUPTED, NoticeKind.FAILURE, NoticeKind.MISSED, NoticeKind.HELD, NoticeKind.RECOVERY)


@dataclass(frozen=True)
class Told:
    """One thing that came about, with what helps to judge it."""

    kind: NoticeKind
    at: datetime
    job: str
    uid: str
    group: str
    path: str  # of the page to look at
    run_id: int | None = None
    count: int = 1
    since: datetime | None = None
    words: str | None = None
    last_success_for: datetime | None = None  # the moment of the last good run
    last_result: str | None = None  # the name of the newest good result


@dataclass(frozen=True)
class Message:
    subject: str
    text: str
    html: str
    body: dict[str, Any]  # for a webhook


@dataclass(frozen=True)
class Site:
    """``url`` is where people reach Carillon, without a slash at the end; ``zone`` in which it tells the time."""

    url: str
    zone: ZoneInfo

    def time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"


def message(uid: str, told: Sequence[Told], site: Site) -> Message:
    """One message for one recipient, however much there is to tell."""
    told = sorted(told, key=lambda each: (GRAVE_FIRST.index(each.kind), each.at))
    subject = _subject(told)
    parts = [(each, _lines(each, site)) for each in told[:MOST_TOLD]]
    more = f"And {len(told) - MOST_TOLD} more." if len(told) > MOST_TOLD else ""
    return Message(
        subject,
        _text(subject, parts, more, site),
        _html(subject, parts, more, site),
        {"id": uid, "text": subject, "site": site.url, "total": len(told),
         "notices": [_document(each, site) for each in told[:MOST_TOLD]]},
    )  # fmt: skip


def test_message(uid: str, by: str | None, site: Site) -> Message:
    subject = "Carillon: a test"
    words = f"{by or 'Somebody'} asked for this test. What arrives here would arrive when a job fails."
    page = f"{site.url}/notices"
    return Message(
        subject,
        f"{words}\n\n{page}\n",
        f'<p>{escape(words)}</p>\n<p><a href="{escape(page)}">{escape(page)}</a></p>\n',
        {"id": uid, "text": f"{subject}. {words}", "site": site.url, "total": 0, "notices": []},
    )


def _subject(told: Sequence[Told]) -> str:
    if len(told) == 1:
        only = told[0]
        many = only.kind is NoticeKind.MISSED and only.count > 1
        what = f"missed {only.count} starts" if many else ONE[only.kind]
        return f"Carillon: “{_plain_name(only.job)}” {what}"
    counts: Counter[NoticeKind] = Counter()
    for each in told:
        counts[each.kind] += each.count if each.kind is NoticeKind.MISSED else 1
    jobs = {each.uid for each in told}
    told_of = ", ".join(_counted(kind, counts[kind]) for kind in GRAVE_FIRST if counts[kind])
    return f"Carillon: {told_of}" + (f" (“{_plain_name(told[0].job)}”)" if len(jobs) == 1 else f" ({len(jobs)} jobs)")


def _counted(kind: NoticeKind, count: int) -> str:
    noun, verb = MANY[kind]
    verb = "work again" if kind is NoticeKind.RECOVERY and count > 1 else verb
    return f"{count} {noun}{'s' if count > 1 else ''} {verb}"


def _plain_name(name: str) -> str:
    """No name may bring a line of its own into the head of a mail."""
    name = " ".join(name.split())
    return name if len(name) <= MOST_IN_SUBJECT else f"{name[:MOST_IN_SUBJECT]}…"


def _lines(told: Told, site: Site) -> list[str]:
    head = _head(told, site)
    return [*head, *_history(told, site), f"{site.url}{told.path}"]


def _head(told: Told, site: Site) -> list[str]:
    words = [told.words] if told.words else []
    match told.kind:
        case NoticeKind.RECOVERY:
            broken = told.at - told.since if told.since else timedelta()
            bad = f"{told.count} run{'s' if told.count > 1 else ''} did not succeed"
            return [f"“{told.job}” works again since {site.time(told.at)}.",
                    f"It was broken for {duration(broken)}; {bad}."]  # fmt: skip
        case NoticeKind.MISSED:
            first = f", the first at {site.time(told.since)}" if told.since else ""
            return [f"“{told.job}” missed {told.count} start{'s' if told.count > 1 else ''}{first}.", *words]
        case NoticeKind.HELD:
            return [f"A result of “{told.job}” breaks its contract and is held.", *words]
        case NoticeKind.INTERRUPTED:
            return [f"“{told.job}” was interrupted at {site.time(told.at)}.", *words]
        case _:
            return [f"“{told.job}” failed at {site.time(told.at)}.", *words]


def _history(told: Told, site: Site) -> list[str]:
    if told.kind in (NoticeKind.RECOVERY, NoticeKind.MISSED):
        return []
    lines = []
    if told.kind is NoticeKind.FAILURE and told.count > 1 and told.since:
        lines.append(f"It has failed {told.count} times in a row, since {site.time(told.since)}.")
    if told.last_success_for is None:
        return [*lines, "It has never succeeded."]
    result = f"; its result: {told.last_result}" if told.last_result else ""
    return [*lines, f"Last good run: that of {site.time(told.last_success_for)}{result}."]


def _text(subject: str, parts: Iterable[tuple[Told, list[str]]], more: str, site: Site) -> str:
    blocks = ["\n".join(lines) for _, lines in parts]
    return "\n\n".join([*blocks, *([more] if more else []), f"Who is told what: {site.url}/notices"]) + "\n"


def _html(subject: str, parts: Iterable[tuple[Told, list[str]]], more: str, site: Site) -> str:
    blocks = []
    for told, (first, *rest) in parts:
        link = f"{site.url}{told.path}"
        lines = "".join(f"<br>\n{escape(line)}" for line in rest[:-1])
        blocks.append(f'<p><b>{escape(first)}</b>{lines}<br>\n<a href="{escape(link)}">{escape(link)}</a></p>')
    rules = f"{site.url}/notices"
    blocks += [f"<p>{more}</p>"] if more else []
    blocks.append(f'<p><small>Who is told what: <a href="{escape(rules)}">{escape(rules)}</a></small></p>')
    return f"<!doctype html>\n<title>{escape(subject)}</title>\n" + "\n".join(blocks) + "\n"


def _document(told: Told, site: Site) -> dict[str, Any]:
    return {
        "kind": told.kind.value,
        "at": _iso(told.at),
        "job": {"uid": told.uid, "name": told.job, "group": told.group},
        "run_id": told.run_id,
        "count": told.count,
        "since": _iso(told.since),
        "words": told.words,
        "last_success_for": _iso(told.last_success_for),
        "last_result": told.last_result,
        "url": f"{site.url}{told.path}",
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def duration(took: timedelta) -> str:
    """``2 days 3 h``, ``5 min``, ``12 s``: the two largest parts."""
    seconds = max(0, round(took.total_seconds()))
    parts = []
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}" + ("s" if unit == "day" and count > 1 else ""))
    return " ".join(parts[:2]) or "less than a second"
