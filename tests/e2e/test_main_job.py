"""The main job: a query on a schedule becomes a CSV file that is downloaded."""

import csv
import hashlib
import io
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import requests
from sqlalchemy.engine import make_url

from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, until

EVERY_TWO_SECONDS = "*/2 * * * * ?"
DELAYS = """
SELECT carrier, origin, dest, dep_time, dep_delay, tailnum, time_hour FROM flights
WHERE dep_delay > 300 OR dep_delay IS NULL ORDER BY time_hour, carrier, flight
"""


def two_scheduled_runs(server: Server, job: dict[str, Any]) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]] | None:
        runs = server.runs(job["jobId"])
        return runs if len(runs) >= 2 else None

    return until(look, "two runs")


def test_sqlite_on_schedule(start_server: StartServer, flights_db: Path, sqlite3_cli: str) -> None:
    server = start_server(CARILLON_CONNECTION_FLIGHTS=f"sqlite:///{flights_db}")
    job = server.make_export("delays", DELAYS, "flights", cronExpression=EVERY_TWO_SECONDS)

    newest, earlier = two_scheduled_runs(server, job)[:2]

    ours = server.result(job["jobId"], newest["id"])
    cli = subprocess.run([sqlite3_cli, "-csv", "-header", str(flights_db), DELAYS], capture_output=True, check=True)
    assert list(csv.reader(io.StringIO(ours.decode(), newline=""))) == list(
        csv.reader(io.StringIO(cli.stdout.decode(), newline=""))
    )
    assert ours == server.result(job["jobId"], earlier["id"])
    assert ours.count(b"\n") > 8000
    shown = server.json(f"/api/jobConfigurations/{job['id']}")
    assert (shown["lastExecutedStatus"], shown["jobStatus"]) in {("COMPLETED", "SCHEDULED"), ("COMPLETED", "RUNNING")}


def copy_flights(flights_db: Path, url: str, sqlite3_cli: str) -> None:
    """Load real flights into PostgreSQL with both databases' own tools."""
    query = "SELECT carrier, flight, origin, dest, dep_time, dep_delay, tailnum, time_hour FROM flights LIMIT 50000"
    out = subprocess.run([sqlite3_cli, "-csv", str(flights_db), query], capture_output=True, check=True).stdout
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False)) as connection:
        connection.execute(
            "CREATE TABLE flights (carrier text, flight int, origin text, dest text, dep_time int,"
            " dep_delay float8, tailnum text, time_hour timestamptz)"
        )
        with connection.cursor().copy("COPY flights FROM STDIN (FORMAT csv)") as copy:
            copy.write(out)


def test_postgresql_on_schedule(
    start_server: StartServer, flights_db: Path, empty_postgresql_url: str, sqlite3_cli: str, psql: str
) -> None:
    copy_flights(flights_db, empty_postgresql_url, sqlite3_cli)
    server = start_server(CARILLON_CONNECTION_WAREHOUSE=empty_postgresql_url)
    job = server.make_export("delays", DELAYS, "warehouse", cronExpression=EVERY_TWO_SECONDS)

    newest = two_scheduled_runs(server, job)[0]

    plain = make_url(empty_postgresql_url).set(drivername="postgresql").render_as_string(False)
    query = " ".join(DELAYS.split())
    psql_copy = subprocess.run(
        [psql, plain, "-qc", f"\\copy ({query}) TO STDOUT (FORMAT csv, HEADER)"],
        capture_output=True, check=True, env={**os.environ, "PGTZ": "UTC"},
    )  # fmt: skip
    assert server.result(job["jobId"], newest["id"]) == psql_copy.stdout
    assert psql_copy.stdout.count(b"\n") > 700


def test_carillon_itself_on_postgresql(start_server: StartServer, flights_db: Path, empty_postgresql_url: str) -> None:
    server = start_server(
        CARILLON_DATABASE_URL=empty_postgresql_url, CARILLON_CONNECTION_FLIGHTS=f"sqlite:///{flights_db}"
    )
    job = server.make_export("delays", DELAYS, "flights", cronExpression=EVERY_TWO_SECONDS)

    assert len(two_scheduled_runs(server, job)) >= 2
    assert not (server.data_dir / "carillon.db").exists()


def test_a_download_goes_on_where_it_was_cut(start_server: StartServer, flights_db: Path) -> None:
    server = start_server(CARILLON_CONNECTION_FLIGHTS=f"sqlite:///{flights_db}")
    job = server.make_export("all", "SELECT * FROM flights", "flights", enabled=False)
    assert server.post(f"/scheduled-jobs/{job['jobId']}/runs", json={}).ok
    assert server.runs(job["jobId"]) == []  # a disabled job does not run
    assert server.post(f"/api/jobConfigurations/{job['id']}/enable").status_code in (204, 409)

    job = server.make_export("by hand", "SELECT * FROM flights", "flights", cronExpression="0 0 3 * * ?")
    assert server.post(f"/scheduled-jobs/{job['jobId']}/runs", json={}).ok
    [run] = until(lambda: server.runs(job["jobId"]), "the run")
    path = f"/scheduled-jobs/{job['jobId']}/runs/{run['id']}/result-file"

    whole = server.get(path)
    part = server.get(path, headers={"Range": "bytes=1000000-", "If-Range": whole.headers["ETag"]})

    assert whole.content.count(b"\n") == 336_777
    assert (part.status_code, part.content) == (206, whole.content[1_000_000:])
    assert hashlib.sha256(whole.content).hexdigest() in whole.headers["ETag"]
    assert server.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


def test_the_first_start_prints_a_password_once(start_server: StartServer) -> None:
    server = start_server(CARILLON_ADMIN_PASSWORD="")
    until(lambda: any("password" in line for line in server.output), "what the server prints to be read")
    [line] = [line for line in server.output if "password" in line]
    password = line.split("'")[3]
    assert requests.get(server.url + "/api/jobConfigurations", auth=("admin", password), timeout=10).ok
    assert oct((server.data_dir / "secret.key").stat().st_mode & 0o777) == "0o600"
    assert server.stop() == 0

    server.output.clear()
    server.start()
    assert "password" not in "".join(server.output)


def test_a_run_survives_nothing_but_is_told_after_a_kill(start_server: StartServer, flights_db: Path) -> None:
    server = start_server(CARILLON_CONNECTION_FLIGHTS=f"sqlite:///{flights_db}")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    job = server.make_export("endless", endless, "flights", cronExpression="0 0 3 * * ?")
    server.post(f"/scheduled-jobs/{job['jobId']}/runs", json={})
    until(lambda: server.runs(job["jobId"], "IN_PROGRESS"), "the run to begin")

    server.stop(signal.SIGKILL)
    server.start()

    [run] = until(lambda: server.runs(job["jobId"], "FAILED"), "the run to be told")
    assert "the server ended" in run["message"]
    assert not list(server.data_dir.rglob("*.csv"))


def test_a_second_server_on_the_same_database_stands_by(start_server: StartServer) -> None:
    first = start_server()
    second = start_server()

    assert first.json("/healthz")["role"] == "active"
    assert second.json("/healthz")["role"] == "standby"
    assert second.get("/api/jobConfigurations").ok
    refused = second.post("/api/jobConfigurations", json={"name": "x", "jobType": "SQL_EXPORT"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")

    first.stop()
    until(lambda: second.json("/healthz")["role"] == "active", "the second to take over")


def test_slow_clients_leave_the_others_alone(start_server: StartServer) -> None:
    server = start_server()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
    try:
        for connection in slow:
            connection.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf of it")

        answers = [requests.get(server.url + "/healthz", timeout=3).status_code for _ in range(5)]
    finally:
        for connection in slow:
            connection.close()

    assert answers == [200] * 5
