"""A client of DHIS2's scheduling API, written from its reference and nothing else, in the reference's own spelling."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import requests


class Dhis2Client:
    def __init__(self, base: str, login: str, password: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.auth = (login, password)

    # Job configurations

    def types(self) -> list[str]:
        return [one["jobType"] for one in self._ask("GET", "/jobConfigurations/jobTypes").json()["jobTypes"]]

    def create(self, **job: Any) -> str:
        """Gives the uid."""
        uid: str = self._ask("POST", "/jobConfigurations", json=job).json()["response"]["uid"]
        return uid

    def get(self, uid: str) -> dict[str, Any]:
        job: dict[str, Any] = self._ask("GET", f"/jobConfigurations/{uid}").json()
        return job

    def names(self) -> dict[str, str]:
        """By uid."""
        found = self._ask("GET", "/jobConfigurations").json()
        return {job["id"]: job["displayName"] for job in found["jobConfigurations"]}

    def update(self, uid: str, **changes: Any) -> None:
        self._ask("PUT", f"/jobConfiguration/{uid}", json={**self.get(uid), **changes})

    def execute(self, uid: str) -> None:
        self._ask("POST", f"/jobConfiguration/{uid}/execute")

    def delete(self, uid: str) -> None:
        self._ask("DELETE", f"/jobConfiguration/{uid}")

    # Progress

    def running_types(self) -> list[str]:
        types: list[str] = self._ask("GET", "/scheduling/running/types").json()
        return types

    def overview(self, state: str = "running") -> dict[str, list[dict[str, Any]]]:
        """By job type, what is ``running`` or ``completed``."""
        found: dict[str, list[dict[str, Any]]] = self._ask("GET", f"/scheduling/{state}").json()
        return found

    def processes(self, job_type: str, state: str = "running") -> list[dict[str, Any]]:
        """Each with its stages, these with their items; each of these nodes has a status."""
        found: list[dict[str, Any]] = self._ask("GET", f"/scheduling/{state}/{job_type}").json()
        return found

    def cancel(self, job_type: str) -> None:
        self._ask("POST", f"/scheduling/cancel/{job_type}")

    # Scheduler and queues

    def schedule(self) -> dict[str, dict[str, Any]]:
        """Jobs and queues by name."""
        return {entry["name"]: entry for entry in self._ask("GET", "/scheduler").json()}

    def queueable(self, queue: str | None = None) -> set[str]:
        """The names of the jobs that a queue can take."""
        found = self._ask("GET", "/scheduler/queueable", params={"name": queue} if queue else {}).json()
        return {entry["name"] for entry in found}

    def queues(self) -> list[str]:
        names: list[str] = self._ask("GET", "/scheduler/queues").json()
        return names

    def queue(self, name: str) -> dict[str, Any]:
        queue: dict[str, Any] = self._ask("GET", self._queue(name)).json()
        return queue

    def add_queue(self, name: str, cron: str, sequence: Sequence[str]) -> None:
        self._ask("POST", self._queue(name), json={"cronExpression": cron, "sequence": sequence})

    def change_queue(self, name: str, cron: str, sequence: Sequence[str], new_name: str | None = None) -> None:
        body = {"cronExpression": cron, "sequence": sequence} | ({"name": new_name} if new_name else {})
        self._ask("PUT", self._queue(name), json=body)

    def delete_queue(self, name: str) -> None:
        self._ask("DELETE", self._queue(name))

    @staticmethod
    def _queue(name: str) -> str:
        return f"/scheduler/queues/{quote(name, safe='')}"

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.http.request(method, f"{self.base}/api{path}", timeout=30, **options)
        if not answer.ok:
            raise RuntimeError(f"{answer.status_code} {answer.json()['message']}")
        return answer
