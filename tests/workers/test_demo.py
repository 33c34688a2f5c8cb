"""The built-in demo of `kiribi dev`, unchanged, as a Python Worker."""

from __future__ import annotations

from collections.abc import Generator
from importlib.resources import files

import pytest
from tests.workers.dev import Dev, dev
from tests.workers.require import require
from tests.workers.world import CALLER, call, ended, javascript_worker, manager, migrate

DEMO = files("kiribi").joinpath("demo.py").read_text("utf-8")
KIRIBI = {"binding": "KIRIBI", "service": "jobs"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Dev]:
    require()
    folder = tmp_path_factory.mktemp("demo")
    jobs = manager(folder / "jobs", DEMO, packages=True)  # its payloads are models: pydantic
    migrate(folder / "jobs", folder / "state")
    caller = javascript_worker(folder / "caller", "caller", CALLER, [KIRIBI])
    with dev(caller, jobs, state=folder / "state") as running:
        yield running


def test_its_jobs_end_as_they_do_here(demo: Dev) -> None:
    asked = [
        ("FLAKY_JOB", {"chance": 0}, {}),
        ("FLAKY_JOB", {"chance": 1}, {"maxRetries": 1}),
        ("SLOW_JOB", {"delay": 200}, {}),
        ("INDEX_MODULE", {"module": "json.decoder"}, {}),
        ("INDEX_MODULE", {"module": "math"}, {}),
    ]
    jobs = call(demo, "enqueueMany", [list(one) for one in asked])
    lucky, unlucky, slow, indexed, compiled = [ended(demo, job["id"], 60) for job in jobs]
    assert lucky["returnValue"] == "good luck"
    assert (unlucky["status"], unlucky["error"]["type"]) == ("FAILED", "RuntimeError")
    assert slow["returnValue"] == "slept 200 ms"
    assert indexed["returnValue"]["longest"]["name"] == "JSONObject", indexed
    assert (compiled["status"], compiled["error"]["type"]) == ("FAILED", "Discard")
    drew, *_ = call(demo, "logs", lucky["id"])
    assert "against a chance of 0" in drew["message"]
