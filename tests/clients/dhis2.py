"""A client of DHIS2's job configurations, written from the web API's documentation and nothing else."""

from typing import Any

import requests


class Dhis2Client:
    def __init__(self, base: str, login: str, password: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.auth = (login, password)

    def types(self) -> list[str]:
        return [one["jobType"] for one in self._ask("GET", "/jobConfigurations/jobTypes").json()["jobTypes"]]

    def create(self, **job: Any) -> str:
        """Gives the uid."""
        uid: str = self._ask("POST", "/jobConfigurations", json=job).json()["response"]["uid"]
        return uid

    def get(self, uid: str, fields: str = "*") -> dict[str, Any]:
        job: dict[str, Any] = self._ask("GET", f"/jobConfigurations/{uid}", params={"fields": fields}).json()
        return job

    def names(self, **query: Any) -> list[str]:
        found = self._ask("GET", "/jobConfigurations", params={"fields": "name", **query}).json()
        return [job["name"] for job in found["jobConfigurations"]]

    def update(self, uid: str, **changes: Any) -> None:
        self._ask("PUT", f"/jobConfigurations/{uid}", json={**self.get(uid), **changes})

    def execute(self, uid: str) -> None:
        self._ask("POST", f"/jobConfigurations/{uid}/execute")

    def switch(self, uid: str, enabled: bool) -> None:
        self._ask("POST", f"/jobConfigurations/{uid}/{'enable' if enabled else 'disable'}")

    def delete(self, uid: str) -> None:
        self._ask("DELETE", f"/jobConfigurations/{uid}")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.http.request(method, f"{self.base}/api{path}", timeout=30, **options)
        if not answer.ok:
            raise RuntimeError(f"{answer.status_code} {answer.json()['message']}")
        return answer
