"""A client of em's scheduler, written from its reference document alone: every call is a plain GET."""

from typing import Any

import requests


class EmClient:
    """``address`` is that of the scheduler, for example ``http://127.0.0.1:5001/api``."""

    def __init__(self, address: str) -> None:
        self.address = address

    def alive(self) -> Any:
        return self._get("/")

    def schedule(self) -> list[dict[str, Any]]:
        """The simulated runs of the next 24 hours."""
        found: list[dict[str, Any]] = self._get("/schedule")
        return found

    def add_task(self, task_id: int) -> Any:
        return self._get(f"/add/{task_id}")

    def delete_task(self, task_id: int) -> Any:
        return self._get(f"/delete/{task_id}")

    def run_task(self, task_id: int) -> Any:
        return self._get(f"/run/{task_id}")

    def run_task_delay(self, task_id: int, minutes: int) -> Any:
        return self._get(f"/run/{task_id}/delay/{minutes}")

    def delete_all_tasks(self) -> Any:
        return self._get("/delete")

    def pause_all_tasks(self) -> Any:
        return self._get("/pause")

    def resume_all_tasks(self) -> Any:
        return self._get("/resume")

    def shutdown(self) -> Any:
        return self._get("/shutdown")

    def kill(self) -> Any:
        return self._get("/kill")

    def get_jobs(self) -> list[int]:
        found: list[int] = self._get("/jobs")
        return found

    def get_jobs_details(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/details")
        return found

    def get_scheduled_jobs(self) -> list[int]:
        found: list[int] = self._get("/scheduled")
        return found

    def delete_orphans(self) -> Any:
        return self._get("/delete-orphans")

    def _get(self, path: str) -> Any:
        return requests.get(self.address + path, timeout=60).json()
