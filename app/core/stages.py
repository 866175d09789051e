"""Processes and stages as jobs run them: item after item or several at a time, with what becomes of a failure."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from app.core.error_text import first_line
from app.core.job_types import JobError
from app.core.progress import FailurePolicy, ItemNode, NodeStatus, ProcessNode, ProgressTree, StageNode, Summary
from app.core.statuses import RunStatus

if TYPE_CHECKING:
    from app.core.execution import CancelFlag

T = TypeVar("T")

MOST_THREADS = 32  # of one stage


class StageSkipped(Exception):  # noqa: N818 - it is no error: it leads out of a stage that is skipped
    """Raised where the next item of a skipped stage would begin; the stage's ``with`` block takes it."""


class Progress:
    """The tree of a run and the wish that the run ends: what processes and stages work with."""

    def __init__(self, tree: ProgressTree, cancelled: "CancelFlag") -> None:
        self.tree = tree
        self.cancelled = cancelled

    @contextmanager
    def process(self, description: str) -> Iterator["Process"]:
        self.cancelled.check()
        process = Process(self.tree.start_process(description))
        try:
            yield process
        except Exception as error:
            self.abort(error)
            raise
        self.tree.complete_process(process.node, process.summary)

    def stage(
        self,
        description: str,
        items: Iterable[T] = (),
        *,
        on_failure: FailurePolicy | str = FailurePolicy.PARENT,
        total: int | None = None,
        describe: Callable[[T], object] | None = None,
        summary: Summary | None = None,
    ) -> "Stage[T]":
        self.cancelled.check()
        total = _length(items) if total is None else total
        node = self.tree.start_stage(description, total, FailurePolicy(on_failure), summary)
        return Stage(self, node, items, describe)

    def abort(self, error: BaseException) -> None:
        self.tree.abort(self.words_of(error), self.status_of_failures())

    def words_of(self, error: BaseException) -> str:
        asked = self.cancelled.ending
        return (asked and asked.error) or first_line(error) or type(error).__name__

    def status_of_failures(self) -> NodeStatus:
        """What fails after a cancellation fails because of it. Only a time limit makes it an error."""
        asked = self.cancelled.ending
        cancelled = asked is not None and asked.status is RunStatus.CANCELLED
        return NodeStatus.CANCELLED if cancelled else NodeStatus.ERROR


class Process:
    """``summary`` is shown once the process is over."""

    def __init__(self, node: ProcessNode) -> None:
        self.node = node
        self.summary: str | None = None


class Stage(Generic[T]):
    """One step of a process, and its items.

    ``run`` calls a function with each item, ``for value in stage`` gives them one after the other, and
    ``with stage.item()`` marks one by hand. A stage without items is a ``with`` block alone. What a failure leads to is
    for the stage's policy to say; but Python cannot resume the body of a loop after an exception, so that there it
    always ends the loop: call ``fail`` in it, or use ``run``.
    """

    def __init__(
        self, progress: Progress, node: StageNode, items: Iterable[T], describe: Callable[[T], object] | None
    ) -> None:
        self.node = node
        self.summary: str | None = None
        """What is shown once the stage has ended well, instead of the number of items."""
        self.progress = progress
        self.tree = progress.tree
        self.items = items
        self._describe = describe
        self._number = 0  # of the newest item, from 1
        self._value: Any = None
        self._current: ItemNode | None = None  # of those that run one after the other
        self.is_skipped = False

    # A stage as a block

    def __enter__(self) -> "Stage[T]":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or (self.is_skipped and isinstance(error, StageSkipped)):
            self.close()
            return True
        return isinstance(error, Exception) and self._left_by(error)

    def _left_by(self, error: Exception) -> bool:
        """An exception has come out of the stage. Says whether the policy forgives it."""
        if not self.node.is_running:
            return False
        if self.node.on_failure is FailurePolicy.SKIP_STAGE and self.progress.cancelled.ending is None:
            if self._current is not None:
                self.lose(self._current, error, self._value, self._number)
                self.close()
            else:
                self.tree.fail_stage(self.node, self.progress.words_of(error))
            return True
        self.progress.abort(error)
        return False

    def close(self) -> None:
        if self.is_skipped:
            self.tree.fail_stage(self.node, f"skipped stage. {self.node.counted()}")
        else:
            self.tree.complete_stage(self.node, self.summary)

    def fail(self, error: str) -> None:
        """The item that is going on has failed; where there is none, the stage. Raises when that aborts the process."""
        failure = JobError(error)
        if self._current is None:
            if not self._left_by(failure):
                raise failure
        elif not self._forgive(failure):
            raise failure

    # Items, one after the other

    def __iter__(self) -> Iterator[T]:
        node, tree, check = self.node, self.tree, self.progress.cancelled.check
        try:
            for value in self.items:
                check()
                self._number += 1
                self._value, self._current = value, self.begin(value, self._number)
                yield value
                if self._current is not None:
                    node.finish(self._current, tree.clock)
                    self._current = None
                elif self.is_skipped:
                    break
                if not tree.is_told:
                    tree.touch()
        except Exception as error:  # of the items' source, or the cancellation: none of the loop's body gets here
            if not self._left_by(error):
                raise
            return
        self.close()

    def run(self, work: Callable[[T], object], *, workers: int = 1) -> None:
        """Call ``work`` with each item, in up to ``workers`` threads at a time, 32 at most, and wait until all is done.

        What ``work`` raises is the failure of its item. Raises the first one that aborts the process.
        """
        if workers > 1:
            ParallelItems(self, work).run(min(workers, MOST_THREADS))
            return
        for value in self:
            try:
                work(value)
            except Exception as error:
                if not self._forgive(error):
                    raise

    @contextmanager
    def item(
        self, description: str | None = None, *, on_failure: FailurePolicy | str = FailurePolicy.PARENT
    ) -> Iterator[None]:
        """Mark one item by hand, with a policy of its own."""
        if self.is_skipped:
            raise StageSkipped
        self.progress.cancelled.check()
        self._number += 1
        self._value = description
        self._current = self.begin(description, self._number, FailurePolicy(on_failure))
        try:
            yield
        except Exception as error:
            if self._current is None or not self._forgive(error):
                raise
        else:
            if self._current is not None:
                self.node.finish(self._current, self.tree.clock)
                self._current = None
                self.tree.touch()

    # One item

    def begin(self, value: Any, number: int, on_failure: FailurePolicy = FailurePolicy.PARENT) -> ItemNode:
        node = self.node
        bucket = node.bucket
        if bucket is not None and on_failure is FailurePolicy.PARENT:
            node.join(bucket)
            return bucket
        return self.tree.open_item(node, self._words(value, number), on_failure.within(node.on_failure))

    def _words(self, value: Any, number: int) -> object:
        if self._describe is not None and value is not None:
            return self._describe(value)
        return value if isinstance(value, str) and not self.items else f"#{number}"

    def _forgive(self, error: Exception) -> bool:
        """The item that is going on has failed: the process is aborted, unless the policy forgives that (True)."""
        item, self._current = self._current, None
        forgiven = item is not None and self.lose(item, error, self._value, self._number)
        if not forgiven:
            self.progress.abort(error)
        return forgiven

    def lose(self, item: ItemNode, error: Exception, value: Any, number: int) -> bool:
        """Write down that an item has failed. Says whether its policy forgives that."""
        progress, tree = self.progress, self.tree
        words, status = tree.words(progress.words_of(error)), progress.status_of_failures()
        self.node.fail_item(item, tree.clock(), words, status, tree.describe(self._words(value, number)))
        tree.touch()
        return progress.cancelled.ending is None and self._forgives(item.on_failure)

    def _forgives(self, policy: FailurePolicy) -> bool:
        if policy is FailurePolicy.SKIP_STAGE:
            self.is_skipped = True
            return True
        has_worked = policy is FailurePolicy.SKIP_ITEM_OUTLIER and self.node.done > 0
        return has_worked or policy is FailurePolicy.SKIP_ITEM


class ParallelItems(Generic[T]):
    """The items of one stage in several threads. All that they write into the tree they write under one lock."""

    def __init__(self, stage: Stage[T], work: Callable[[T], object]) -> None:
        self._stage = stage
        self._work = work
        self._source = iter(stage.items)
        self._number = 0
        self._failures: list[BaseException] = []  # those that abort the process
        self._lock = threading.Lock()

    def run(self, workers: int) -> None:
        stage = self._stage
        try:
            self._wait_for([threading.Thread(target=self._live, name=f"item-{number}") for number in range(workers)])
            stage.progress.cancelled.check()
            if self._failures:
                raise self._failures[0]
        except Exception as error:
            stage.node.summarise = _parallel_summary
            stage.progress.abort(error)
            raise
        if stage.is_skipped:
            stage.node.summarise = _parallel_summary
        stage.close()

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """A signal may end the waiting, but not the items that are going on."""
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as error:
            self._failures.append(error)
            for thread in threads:
                thread.join()
            raise

    def _live(self) -> None:
        while (taken := self._take()) is not None:
            value, number, item = taken
            try:
                self._work(value)
            except BaseException as error:
                with self._lock:
                    self._lose(item, error, value, number)
            else:
                with self._lock:
                    self._stage.node.finish(item, self._stage.tree.clock)
                    self._stage.tree.touch()

    def _take(self) -> tuple[T, int, ItemNode] | None:
        stage = self._stage
        with self._lock:
            if self._failures or stage.is_skipped or stage.progress.cancelled.ending is not None:
                return None
            try:
                value = next(self._source)
                self._number += 1
                return value, self._number, stage.begin(value, self._number)
            except StopIteration:
                return None
            except Exception as error:  # of the source, or of what describes an item
                self._failures.append(error)
                return None

    def _lose(self, item: ItemNode, error: BaseException, value: T, number: int) -> None:
        failure = error if isinstance(error, Exception) else JobError(f"an item left by {type(error).__name__}")
        if not self._stage.lose(item, failure, value, number):
            self._failures.append(failure)


def _parallel_summary(done: int, failed: int) -> str:
    return f"parallel processing aborted after {done} successful and {failed} failed items"


def _length(items: object) -> int | None:
    """Their number, ``None`` if they do not know it."""
    try:
        return len(items)  # type: ignore[arg-type]
    except TypeError:
        return None
