"""Definitions on their page: downloaded, tried, confirmed."""

from io import BytesIO

from app.bootstrap import Services
from tests.web.conftest import MakeJob
from tests.web.pages.conftest import Reader

POOL = b"carillon: 1\npools:\n- name: warehouse\n  places: 2\n"


def test_a_file_is_tried_first_and_then_confirmed(admin: Reader, make_job: MakeJob, services: Services) -> None:
    make_job("nightly")
    assert b"name: nightly" in admin.get("/definitions/carillon.yaml").data

    tried = admin.post("/definitions", {"file": (BytesIO(POOL), "carillon.yaml"), "do": "try"})
    assert tried.status_code == 200
    assert "created pool" in tried.text
    assert "Change this" in tried.text
    assert services.pools.list() == []
    done = admin.post("/definitions", {"text": POOL.decode(), "do": "import"})

    assert done.location == "/definitions"
    assert [pool.name for pool in services.pools.list()] == ["warehouse"]
    again = admin.post("/definitions", {"file": (BytesIO(POOL), "carillon.yaml"), "do": "try"})
    assert "Nothing would change" in again.text


def test_what_is_wrong_is_told_with_its_line(admin: Reader, services: Services) -> None:
    wrong = POOL.replace(b"places: 2", b"places: many")

    answer = admin.post("/definitions", {"file": (BytesIO(wrong), "carillon.yaml"), "do": "import"})

    assert answer.status_code == 422
    assert "pools.0.places: must be a whole number (line 4)" in answer.text
    assert services.pools.list() == []
    assert admin.post("/definitions", {"do": "try"}).status_code == 422


def test_only_administrators_get_at_definitions(user: Reader) -> None:
    assert user.get("/definitions").status_code == 403
    assert user.get("/definitions/carillon.yaml").status_code == 403
    assert user.post("/definitions", {"text": POOL.decode(), "do": "import"}).status_code == 403
