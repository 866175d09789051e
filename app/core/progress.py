"""What a run has done and is doing, as a tree: processes, their stages, the items of the stages.

The words and rules are those of DHIS2's job progress. The job's own thread writes, and takes no lock for it: a signal
may end it at any instruction, and the lock would stay taken. Another thread reads whenever the tree shall be told; what
it reads may be one step apart in two places, and the last reading, after the end of the job, is exact.

Every worker process imports this module: it must stay free of SQLAlchemy.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from app.core.error_text import ERROR_LIMIT
from app.core.job_types import JobError
from app.core.ports import Clock

MOST_ITEMS = 200
"""So many items of a stage are kept one by one; where there are more, each node stands for a bucket of them."""
BUCKETS = 100  # so many, when the number of items is known
MOST_FAILED = 50  # failed items of a stage that are kept one by one, beside its buckets
MOST_NODES = 1000  # of a tree; above this the oldest that ended well are folded
MOST_ERRORS = 500  # that a job adds itself
DESCRIPTION_LIMIT = 200  # characters

Summary = Callable[[int, int], str]
"""Words for so many successful and so many failed items."""
Clean = Callable[[str, int], str]
"""Makes a text fit to be stored: masked, and not longer than so many characters."""


def item_summary(done: int, failed: int) -> str:
    return f"{done} successful and {failed} failed items"


class FailurePolicy(StrEnum):
    """What becomes of a stage and its process when an item fails, or the stage itself."""

    PARENT = "PARENT"  # as the level above says; the uppermost says FAIL
    FAIL = "FAIL"  # the process is aborted
    SKIP_STAGE = "SKIP_STAGE"  # the rest of the stage is left out, the process goes on
    SKIP_ITEM = "SKIP_ITEM"  # the item is left out
    SKIP_ITEM_OUTLIER = "SKIP_ITEM_OUTLIER"  # the same once an item of the stage has succeeded; else FAIL

    def within(self, parent: "FailurePolicy") -> "FailurePolicy":
        return parent if self is FailurePolicy.PARENT else self


class NodeStatus(StrEnum):
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"


class Node:
    __slots__ = ("description", "ended_at", "error", "started_at", "status", "summary")

    def __init__(self, description: str, at: datetime) -> None:
        self.description = description
        self.status = NodeStatus.RUNNING
        self.started_at = at
        self.ended_at: datetime | None = None
        self.summary: str | None = None
        self.error: str | None = None

    @property
    def is_running(self) -> bool:
        return self.status is NodeStatus.RUNNING

    def complete(self, at: datetime, summary: str | None = None) -> None:
        self.status, self.ended_at, self.summary = NodeStatus.SUCCESS, at, summary

    def fail(self, at: datetime, error: str, status: NodeStatus = NodeStatus.ERROR) -> None:
        self.status, self.ended_at, self.error = status, at, error

    def read(self) -> dict[str, Any]:
        shown = {"description": self.description, "status": self.status, "started_at": _text(self.started_at)}
        if self.ended_at is not None:
            shown["ended_at"] = _text(self.ended_at)
        if self.summary:
            shown["summary"] = self.summary
        if self.error:
            shown["error"] = self.error
        return shown


class ItemNode(Node):
    """One item, or a bucket of ``count`` items of which ``ended`` are over."""

    __slots__ = ("count", "ended", "on_failure")

    def __init__(self, description: str, at: datetime, on_failure: FailurePolicy) -> None:
        super().__init__(description, at)
        self.on_failure = on_failure
        self.count = 1
        self.ended = 0

    def close(self, at: datetime) -> None:
        self.complete(at)

    def joined_with(self, later: "ItemNode") -> "ItemNode":
        joined = ItemNode(self.description, self.started_at, self.on_failure)
        joined.count = joined.ended = self.count + later.count
        joined.close(later.ended_at or later.started_at)
        return joined

    def read(self) -> dict[str, Any]:
        shown = super().read()
        return shown | {"count": self.count} if self.count > 1 else shown


class StageNode(Node):
    """``total`` is the number of items: ``None`` when it is not known, 0 for a stage without items."""

    __slots__ = ("bucket", "done", "failed", "items", "on_failure", "overflow", "size", "summarise", "total")

    def __init__(
        self, description: str, at: datetime, total: int | None, on_failure: FailurePolicy, summarise: Summary
    ) -> None:
        super().__init__(description, at)
        self.total = total
        self.on_failure = on_failure
        self.summarise = summarise
        self.done = 0
        self.failed = 0
        self.items: list[ItemNode] = []
        self.size = -(-total // BUCKETS) if total and total > MOST_ITEMS else 1  # items of a full bucket
        self.bucket: ItemNode | None = None  # has room
        self.overflow: ItemNode | None = None

    @property
    def has_items(self) -> bool:
        return self.total != 0 or self.done + self.failed > 0

    def counted(self) -> str:
        return self.summarise(self.done, self.failed)

    def open(self, description: str, at: datetime, on_failure: FailurePolicy) -> ItemNode:
        """Begin a node for the next item, and for those that follow it while it has room."""
        if len(self.items) >= MOST_ITEMS:
            self._grow()
        item = ItemNode(description, at, on_failure)
        self.items.append(item)
        self.bucket = item if self.size > 1 and on_failure is self.on_failure else None
        return item

    def join(self, bucket: ItemNode) -> None:
        """Let the next item be one of the bucket's."""
        bucket.count += 1
        if bucket.count >= self.size:
            self.bucket = None

    def finish(self, item: ItemNode, clock: Clock) -> None:
        item.ended += 1
        self.done += 1
        if item.ended == item.count and item is not self.bucket:
            item.close(clock())

    def fail_item(self, item: ItemNode, at: datetime, error: str, status: NodeStatus, description: str) -> None:
        """Mark it; one out of a bucket gets a node of its own."""
        self.failed += 1
        if self.size == 1 and item.count == 1:
            item.fail(at, error, status)
            item.ended = 1
            return
        self._take_out(item, at)
        failed = ItemNode(description, at, item.on_failure)
        failed.ended = 1
        failed.fail(at, error, status)
        if self.failed <= MOST_FAILED:
            self.items.append(failed)
        else:
            self._overflow(failed)

    def _take_out(self, item: ItemNode, at: datetime) -> None:
        item.count -= 1
        if item.count == 0:
            self.items.remove(item)
            self.bucket = None if self.bucket is item else self.bucket
        elif item.ended == item.count and item is not self.bucket:
            item.close(at)

    def _overflow(self, failed: ItemNode) -> None:
        if self.overflow is None:
            self.overflow = failed
            failed.description = FURTHER_FAILED
            self.items.append(failed)
        else:
            self.overflow.count += failed.count
            self.overflow.ended += failed.count
            self.overflow.ended_at, self.overflow.error = failed.ended_at, failed.error

    def settle(self, at: datetime) -> None:
        """No item begins any more, and those that have begun have ended well."""
        self.bucket = None
        for item in self.items:
            if item.is_running:
                self.done += item.count - item.ended
                item.ended = item.count
                item.close(at)

    def break_off(self, at: datetime, error: str, status: NodeStatus) -> None:
        """No item begins any more, and those that have begun come to no end."""
        self.bucket = None
        for item in [item for item in self.items if item.is_running]:
            for _ in range(item.count - item.ended):
                self.fail_item(item, at, error, status, f"#{self.done + self.failed + 1}")
            if item.is_running:
                item.close(at)

    def _grow(self) -> None:
        """Make buckets twice as large and join neighbours, until there is room."""
        if self.failed > MOST_FAILED:
            self._fold_failed()
        while len(self.items) > MOST_ITEMS * 3 // 4:
            self.size *= 2
            self.items = _joined(self.items, self.size)

    def _fold_failed(self) -> None:
        broken = [item for item in self.items if item.status is NodeStatus.ERROR and item is not self.overflow]
        for failed in broken[MOST_FAILED:]:
            self.items.remove(failed)
            self._overflow(failed)

    def fold(self) -> None:
        """Keep what failed; what succeeded in between is one node."""
        self.items = _joined(self.items, 2**62)

    def read(self) -> dict[str, Any]:
        return super().read() | {
            "on_failure": self.on_failure,
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "items": [self._read_item(item) for item in self.items],
        }

    def _read_item(self, item: ItemNode) -> dict[str, Any]:
        """An item says its policy only where it is its own."""
        shown = item.read()
        return shown if item.on_failure is self.on_failure else shown | {"on_failure": item.on_failure}


def _joined(items: Sequence[ItemNode], size: int) -> list[ItemNode]:
    """Join neighbours that succeeded, as long as both together are no more than ``size``."""
    joined: list[ItemNode] = []
    for item in items:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.status is item.status is NodeStatus.SUCCESS
            and before.count + item.count <= size
        ):
            joined[-1] = before.joined_with(item)
        else:
            joined.append(item)
    return joined


class ProcessNode(Node):
    __slots__ = ("left_out", "stages")

    def __init__(self, description: str, at: datetime) -> None:
        super().__init__(description, at)
        self.stages: list[StageNode] = []
        self.left_out = 0  # stages that ended well, so many that only their number is kept

    def read(self) -> dict[str, Any]:
        shown = super().read() | {"stages": [stage.read() for stage in self.stages]}
        return shown | {"left_out": self.left_out} if self.left_out else shown


class ProgressTree:
    """The tree of one run, as its job writes it.

    ``changed`` is called for the first change after each reading, from the thread that makes it.
    """

    def __init__(self, name: str, clock: Clock, clean: Clean, changed: Callable[[], None]) -> None:
        """``name`` describes the process of a job that names none."""
        self.clock = clock
        self.processes: list[ProcessNode] = []
        self.values: dict[str, Any] = {}  # what the job counts beside items: rows, rows_per_second
        self.errors: list[dict[str, Any]] = []
        self.aborted: str | None = None
        self.is_told = False
        self._name = name
        self._clean = clean
        self._changed = changed
        self.left_out = 0  # processes that are over, so many that only their number is kept
        self._nodes = 0

    def touch(self) -> None:
        """Something has changed."""
        if not self.is_told:
            self.is_told = True
            self._changed()

    def describe(self, text: object) -> str:
        return self._clean(str(text), DESCRIPTION_LIMIT)

    def words(self, text: str) -> str:
        return self._clean(text, ERROR_LIMIT)

    # Processes and stages

    def start_process(self, description: str) -> ProcessNode:
        """Raises ``JobError`` when the processing was aborted."""
        self._refuse_aborted()
        self._complete_running()
        process = ProcessNode(self.describe(description), self.clock())
        self.processes.append(process)
        self._count()
        return process

    def complete_process(self, process: ProcessNode, summary: str | None = None) -> None:
        if process.is_running:
            self._complete_stages(process)
            process.complete(self.clock(), summary and self.words(summary))
            self.touch()

    def start_stage(
        self, description: str, total: int | None, on_failure: FailurePolicy, summary: Summary | None = None
    ) -> StageNode:
        """Raises ``JobError`` when the processing was aborted."""
        self._refuse_aborted()
        process = self._running_process() or self.start_process(self._name)
        self._complete_stages(process)
        policy = on_failure.within(FailurePolicy.FAIL)
        stage = StageNode(self.describe(description), self.clock(), total, policy, summary or item_summary)
        process.stages.append(stage)
        self._count()
        return stage

    def open_item(self, stage: StageNode, description: object, on_failure: FailurePolicy) -> ItemNode:
        item = stage.open(self.describe(description), self.clock(), on_failure)
        self._count()
        return item

    def complete_stage(self, stage: StageNode, summary: str | None = None) -> None:
        if stage.is_running:
            stage.settle(self.clock())
            summary = summary or (stage.counted() if stage.has_items else None)
            stage.complete(self.clock(), summary and self.words(summary))
            self.touch()

    def fail_stage(self, stage: StageNode, error: str, status: NodeStatus = NodeStatus.ERROR) -> None:
        """The stage comes to no good end; the process goes on."""
        if stage.is_running:
            stage.break_off(self.clock(), self.words(error), status)
            stage.fail(self.clock(), self.words(error), status)
            self.touch()

    def abort(self, error: str, status: NodeStatus = NodeStatus.ERROR) -> None:
        """End all that is running; no process and no stage begins any more. Only the first call counts."""
        if self.aborted is not None:
            return
        self.aborted = error = self.words(error)
        for process in self.processes:
            if process.is_running:
                self._abort(process, error, status)
                self.touch()

    def _abort(self, process: ProcessNode, error: str, status: NodeStatus) -> None:
        running = [stage for stage in process.stages if stage.is_running]
        for stage in running:
            stage.break_off(self.clock(), error, status)
            stage.fail(self.clock(), _abort_words(stage, error, status), status)
        by_itself = process.stages and not running and status is NodeStatus.ERROR
        process.fail(self.clock(), f"Process failed: {error}" if by_itself else error, status)

    def end(self) -> None:
        """The job has returned: what it left open has ended well."""
        self._complete_running()

    def _refuse_aborted(self) -> None:
        if self.aborted is not None:
            raise JobError(f"processing aborted: {self.aborted}")

    def _running_process(self) -> ProcessNode | None:
        return self.processes[-1] if self.processes and self.processes[-1].is_running else None

    def _complete_running(self) -> None:
        process = self._running_process()
        if process is not None:
            self.complete_process(process, None if process.description == self._name else IMPLICITLY)

    def _complete_stages(self, process: ProcessNode) -> None:
        for stage in reversed(process.stages):
            if not stage.is_running:
                break
            self.complete_stage(stage, self._told_rows(stage))

    def _told_rows(self, stage: StageNode) -> str | None:
        """What a job that counts rows, and no items, has to show for a stage."""
        rows = self.values.get("rows") if stage.description == self.values.get("stage") else None
        return f"{rows} rows" if isinstance(rows, int) and not stage.has_items else None

    # What is said beside the tree

    def tell(self, values: Mapping[str, Any]) -> None:
        """Take values that replace those told before. A new ``stage`` among them is one of the tree, too."""
        stage = values.get("stage")
        if isinstance(stage, str) and stage != self.values.get("stage"):
            self.start_stage(stage, 0, FailurePolicy.FAIL)
        self.values = {**self.values, **values}
        self.touch()

    def add_error(self, code: str, object_id: str, kind: str, arguments: Sequence[object]) -> None:
        """Note something about one of the objects that are worked on; it changes nothing else."""
        if len(self.errors) < MOST_ERRORS:
            texts = [self.describe(argument) for argument in arguments]
            shown = {"code": self.describe(code), "id": self.describe(object_id), "type": self.describe(kind)}
            self.errors.append({**shown, "args": texts})
            self.touch()

    # Reading

    def read(self) -> dict[str, Any]:
        """Give the tree as JSON can hold it. What changes from now on is told again."""
        self.is_told = False
        shown = dict(self.values)
        if self.processes:
            shown["processes"] = [process.read() for process in self.processes]
        if self.left_out:
            shown["left_out"] = self.left_out
        if self.errors:
            shown["errors"] = list(self.errors)
        return shown

    def _count(self) -> None:
        """One node more."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self._recount()  # stages may have joined items meanwhile
            if self._nodes > MOST_NODES:
                self._fold()
        self.touch()

    def _fold(self) -> None:
        """Make the tree half as large as it may be, beginning with what is least worth keeping."""
        for stage in chain.from_iterable(process.stages for process in self.processes):
            if not stage.is_running:
                stage.fold()
        self._leave_out_stages(lambda stage: stage.status is NodeStatus.SUCCESS and not stage.failed)
        self._leave_out_stages(lambda stage: not stage.is_running)
        self._leave_out_processes()
        self._recount()

    def _leave_out_stages(self, may_go: Callable[[StageNode], bool]) -> None:
        """Leave out the oldest, and keep their number."""
        for process in self.processes:
            self._recount()
            going = [stage for stage in process.stages if may_go(stage)][: max(0, self._nodes - MOST_NODES // 2)]
            process.left_out += len(going)
            gone = set(map(id, going))
            process.stages = [stage for stage in process.stages if id(stage) not in gone]

    def _leave_out_processes(self) -> None:
        self._recount()
        if self._nodes > MOST_NODES // 2:
            kept = [process for process in self.processes if process.is_running]
            self.left_out += len(self.processes) - len(kept)
            self.processes = kept

    def _recount(self) -> None:
        stages = list(chain.from_iterable(process.stages for process in self.processes))
        self._nodes = len(self.processes) + len(stages) + sum(len(stage.items) for stage in stages)


IMPLICITLY = "(process completed implicitly)"
FURTHER_FAILED = "further failed items; the newest error"


def _abort_words(stage: StageNode, error: str, status: NodeStatus) -> str:
    if not stage.has_items:
        return error
    if status is NodeStatus.CANCELLED:
        return f"skipped stage, cancellation requested. {stage.counted()}"
    return f"processing aborted: skipped stage, failing item caused abort. {stage.counted()}"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
