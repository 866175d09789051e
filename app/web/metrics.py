"""GET /metrics: how Carillon stands, in the words of Prometheus. For this machine and for who is logged in.

What each name means is in docs/watching.md.
"""

import platform
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

from flask import Flask, Response, request
from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from app.bootstrap import Services
from app.core import tallies
from app.core.gauges import Gauges
from app.core.health import OK, Health
from app.core.statuses import ACTIVE
from app.core.tallies import BOUNDS, Durations, Tally
from app.web import local
from app.web.auth import Right, allow, current_actor, services

PROCESS = ProcessCollector(registry=None)
"""Memory, CPU time, open files of this process; workers are processes of their own."""


def init_app(app: Flask) -> None:
    app.add_url_rule("/metrics", "metrics", metrics)


@allow(Right.NONE)
def metrics() -> Response:
    """Numbers tell a stranger too much: how busy, how full, how old."""
    if not local.is_here() or local.is_forwarded():
        current_actor()
    encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(_Registry(services())), content_type=media_type)


class _Registry:
    """What the encoder takes for a registry: it asks for the families and nothing else."""

    def __init__(self, of: Services) -> None:
        self.of = of

    def collect(self) -> Iterator[Metric]:
        health = self.of.health()
        yield from _state(health)
        if health.database == OK:  # one that hangs is not asked a second time
            yield from _counted(self.of.gauges.read())
        yield from _workers(self.of)
        yield from _since_start()
        yield _build(self.of)
        yield from PROCESS.collect()


def _state(health: Health) -> Iterator[Metric]:
    yield _gauge("healthy", "1 while everything that is promised holds, as /healthz says.", health.is_ok)
    yield _gauge("ready", "1 while requests can be answered, as /readyz says.", health.is_ready)
    yield _gauge("active", "1 in the process that keeps the time, 0 in one that stands by.", health.role == "active")
    yield _gauge("database_up", "1 while the database answers and takes writes.", health.database == OK)
    yield _gauge(
        "draining", "1 while nothing new begins because the server is to be stopped.", health.draining_until is not None
    )
    yield _gauge("stopped", "1 after somebody stopped the timekeeping.", health.stopped is not None)
    yield _gauge("asleep", "1 while a restored database waits for somebody to wake it.", health.asleep is not None)
    yield _gauge("tick_age_seconds", "Since the last completed look at the clock.", health.tick_age_seconds)
    yield _gauge("disk_free_bytes", "Free for Carillon where results are kept.", health.disk_free_bytes)
    yield _gauge("held_fires", "Moments that wait for the clock or for an answer.", health.held_fires)
    threads = GaugeMetricFamily("carillon_thread_age_seconds", "Since each thread came by.", labels=["thread"])
    for name, age in health.threads.items():
        threads.add_metric([name], age)
    yield threads


def _counted(found: Gauges) -> Iterator[Metric]:
    """Nothing where the database does not answer: old numbers would look like new ones."""
    if not found.is_there:
        return
    yield _gauge("lag_seconds", "How long the oldest moment that is due has not been decided.", found.lag_seconds)
    active = GaugeMetricFamily("carillon_runs_active", "Runs that have not ended.", labels=["status"])
    for status in ACTIVE:
        active.add_metric([status.value], found.active.get(status, 0))
    yield active
    oldest = found.oldest_queued_seconds
    yield _gauge("queue_oldest_seconds", "How long the oldest queued run has waited; 0 when none does.", oldest or 0)
    yield _gauge("jobs_failing", "Jobs that are on and whose last runs did not succeed.", found.failing_jobs)
    yield _gauge("messages_pending", "Notices that are still to be sent.", found.messages)
    age = found.oldest_message_seconds
    yield _gauge("message_oldest_seconds", "How long the oldest of them has waited; 0 when none does.", age or 0)
    yield _gauge("database_bytes", "Size of Carillon's own database.", found.database_bytes)


def _workers(of: Services) -> Iterator[Metric]:
    stand = of.engine.executor.occupancy()
    workers = GaugeMetricFamily("carillon_workers", "Worker processes by what they do.", labels=["state"])
    free = stand.workers - stand.busy
    for state, number in (
        ("busy", stand.busy),
        ("free", free if stand.is_up else 0),
        ("down", 0 if stand.is_up else free),
    ):
        workers.add_metric([state], number)
    yield workers
    restarts = sum(tallies.worker_restarts.read().values())
    yield CounterMetricFamily("carillon_worker_restarts", "How often all workers had to be started anew.", restarts)


def _since_start() -> Iterator[Metric]:
    yield _counter("runs", "Runs that have ended.", ["status", "job_type"], tallies.runs_ended)
    yield _counter("fires", "Moments that were decided.", ["outcome", "reason"], tallies.fires_decided)
    yield _counter("security_events", "What somebody tried and may not.", ["kind"], tallies.security)
    yield _histogram("transaction_seconds", "Writing transactions, waiting included.", ["thread"], tallies.transactions)


def _build(of: Services) -> Metric:
    build = GaugeMetricFamily("carillon_build_info", "What runs here.", labels=["version", "python", "database"])
    build.add_metric([_version(), platform.python_version(), of.db.engine.dialect.name], 1)
    return build


@cache
def _version() -> str:
    try:
        return version("carillon")
    except PackageNotFoundError:  # run from a folder, without being installed
        return "unknown"


def _gauge(name: str, words: str, value: float | None) -> Metric:
    """No sample where the number is not known."""
    return GaugeMetricFamily(f"carillon_{name}", words, value=None if value is None else float(value))


def _counter(name: str, words: str, labels: Sequence[str], tally: Tally) -> Metric:
    family = CounterMetricFamily(f"carillon_{name}", words, labels=labels)
    for key, count in tally.read().items():
        family.add_metric(key, count)
    return family


def _histogram(name: str, words: str, labels: Sequence[str], durations: Durations) -> Metric:
    family = HistogramMetricFamily(f"carillon_{name}", words, labels=labels)
    for key, (buckets, total) in durations.read().items():
        bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
        family.add_metric(key, list(zip(bounds, accumulate(buckets), strict=True)), total)
    return family
