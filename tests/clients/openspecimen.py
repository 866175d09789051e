"""A client of OpenSpecimen's scheduled jobs, written from its reference and nothing else.

"Scheduled Jobs": POST /scheduled-jobs/{jobId}/runs, GET /scheduled-jobs/{jobId}/runs?fromDate&toDate&status,
GET /scheduled-jobs/{jobId}/runs/{runId}/result-file.
"""

from typing import Any

import requests


class OpenSpecimenClient:
    def __init__(self, base: str, login: str, password: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.auth = (login, password)

    def log_in(self, login: str, password: str) -> None:
        """Use a session token from here on."""
        self.http.auth = None
        session = self._ask("POST", "/sessions", json={"loginName": login, "password": password, "domainName": "x"})
        self.http.headers["X-OS-API-TOKEN"] = session.json()["token"]

    def execute(self, job_id: int, *arguments: str) -> dict[str, Any]:
        """Queue a job; gives its details."""
        body = {"args": " ".join(arguments)}
        details: dict[str, Any] = self._ask("POST", f"/scheduled-jobs/{job_id}/runs", json=body).json()
        return details

    def runs(self, job_id: int, **filters: str) -> list[dict[str, Any]]:
        """``fromDate`` and ``toDate`` as 20220221 or 20220221T061500, ``status`` IN_PROGRESS, SUCCEEDED or FAILED."""
        runs: list[dict[str, Any]] = self._ask("GET", f"/scheduled-jobs/{job_id}/runs", params=filters).json()
        return runs

    def result(self, job_id: int, run_id: int) -> bytes:
        return self._ask("GET", f"/scheduled-jobs/{job_id}/runs/{run_id}/result-file").content

    def save(self, job: dict[str, Any]) -> dict[str, Any]:
        """Create a job, or update one that has an id."""
        path = f"/scheduled-jobs/{job['id']}" if "id" in job else "/scheduled-jobs"
        saved: dict[str, Any] = self._ask("PUT" if "id" in job else "POST", path, json=job).json()
        return saved

    def delete(self, job_id: int) -> dict[str, Any]:
        deleted: dict[str, Any] = self._ask("DELETE", f"/scheduled-jobs/{job_id}").json()
        return deleted

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.http.request(method, self.base + path, timeout=30, **options)
        if not answer.ok:
            raise RuntimeError([problem["code"] for problem in answer.json()])
        return answer
