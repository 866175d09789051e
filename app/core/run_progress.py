"""The progress of runs, as it is looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from app.core.db import Database
from app.core.models import IS_GOING_ON, Job, ProgressTree, Run
from app.core.ports import Clock
from app.core.progress_views import Times, as_of, expected, implied, stage_times
from app.core.statuses import FINAL, RunStatus

EARLIER_RUNS = 5  # that tell how long a stage usually takes
MOST_REMEMBERED = 200


class RunProgress:
    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self._histories: dict[int, Sequence[Times]] = {}  # by run: what came before it does not change

    def of(self, run: Run) -> dict[str, Any] | None:
        """All that is known: the short form, ``processes``, ``errors``, ``stage_seconds_left``, ``seconds_left``.

        ``None`` for a run that has said nothing of its progress.
        """
        if run.progress is None:
            return None
        tree = as_of(run, self._kept([run]).get(run.id, {}))
        shown = run.progress | tree
        if run.status is RunStatus.RUNNING:
            left = expected(tree, self._history(run), self.clock())
            shown |= {"stage_seconds_left": left.stage_seconds, "seconds_left": left.run_seconds}
        return shown

    def trees(self, runs: Sequence[Run]) -> Mapping[int, dict[str, Any]]:
        """The trees of started runs by run id, as they are to be shown now. Each has a process at least."""
        kept = self._kept(runs)
        return {run.id: as_of(run, kept.get(run.id) or implied(run)) for run in runs}

    def _kept(self, runs: Sequence[Run]) -> Mapping[int, dict[str, Any]]:
        """Trees by run id. That of a run's earlier attempt does not count: a new one begins without progress."""
        ids = [run.id for run in runs if run.progress is not None]
        query = select(ProgressTree).where(ProgressTree.run_id.in_(ids))
        with self.db.reading() as session:
            return {row.run_id: row.tree for row in session.scalars(query)}

    def going_on(self, job_types: Sequence[str]) -> Sequence[Run]:
        """The runs of these types that are running, the oldest first."""
        query = select(Run).where(IS_GOING_ON, Run.job_type.in_(job_types)).order_by(Run.id)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def completed(self, job_types: Sequence[str]) -> Sequence[Run]:
        """Of each of these types the newest run that has ended."""
        newest = (
            select(func.max(Run.id))
            .join(Job, Job.last_run_id == Run.id)
            .where(Run.status.in_(FINAL), Run.started_at.is_not(None), Run.job_type.in_(job_types))
            .group_by(Run.job_type)
        )
        query = select(Run).where(Run.id.in_(newest.scalar_subquery())).order_by(Run.job_type)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def _history(self, run: Run) -> Sequence[Times]:
        if run.id not in self._histories:
            if len(self._histories) >= MOST_REMEMBERED:
                self._histories.clear()
            self._histories[run.id] = self._read_history(run)
        return self._histories[run.id]

    def _read_history(self, run: Run) -> Sequence[Times]:
        query = (
            select(ProgressTree.tree)
            .join(Run, Run.id == ProgressTree.run_id)
            .where(Run.job_id == run.job_id, Run.id < run.id, Run.status == RunStatus.SUCCEEDED)
            .order_by(Run.id.desc())
            .limit(EARLIER_RUNS)
        )
        with self.db.reading() as session:
            return [stage_times(tree) for tree in session.scalars(query)]
