"""`kiribi.d.ts` says what there is: names are compared, `tests/workers` compiles it."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from kiribi._explain import Explanation, Reason
from kiribi._scheduled import ScheduleInfo
from kiribi.action import Action
from kiribi.batch import Batch
from kiribi.job import Attempt, Exit, Job, JobError, Outcome, new_id
from kiribi.ports import BindingInfo, LogLine, WorkerInfo
from kiribi.runtimes.remote import REMOTE
from kiribi.runtimes.remote_schedules import PARTS as PARTS_OF_SCHEDULES
from kiribi.schedule import Every, Schedule, definition
from kiribi.search import CHECKS, BindingStats, FailureGroup
from kiribi.unique import PARTS, KeyHeld
from kiribi.web import wire

TEXT = files("kiribi.cli").joinpath("kiribi.d.ts").read_text("utf-8")


def declared(interface: str) -> set[str]:
    """The members of an interface, without those it extends."""
    found = re.search(rf"export interface {interface}\b[^{{]*{{\n(.*?)\n}}", TEXT, re.DOTALL)
    assert found, interface
    return set(re.findall(r"(?m)^  (\w+)\??[:(<]", found[1]))


def shown(job: Job) -> dict[str, Any]:
    return wire.detailed(job, lambda _, payload: payload)


def test_everything_that_can_be_called_is_declared() -> None:
    assert declared("Kiribi") == {name for name in REMOTE if "_" not in name}


def test_every_option_is_declared() -> None:
    assert declared("EnqueueOptions") == {*wire.OPTIONS.values(), "id"}
    assert declared("Unique") == {wire.UNIQUE.get(part, part) for part in PARTS}
    assert declared("Filter") == {wire.FILTER.get(name, name) for name in CHECKS}


def test_what_is_answered_is_declared() -> None:
    error = JobError("E", "m", exit=Exit())
    job = Job(new_id(), "B", error=error, history=(Attempt(1, Outcome.FAILED, 0, 0, None, error),))
    details = shown(job)
    assert declared("Job") | declared("JobDetails") == details.keys()
    assert declared("JobError") == details["error"].keys()
    assert declared("Attempt") == details["result"][0].keys()
    assert declared("Exit") == details["error"]["exit"].keys()
    explained = wire.explained(Explanation(job, (Reason("due", "m", {}),)), lambda _, p: p)
    assert declared("Reason") == explained["reasons"][0].keys()
    assert declared("Stats") == wire.tally(BindingStats("B", 0, 1)).keys()
    held = wire.key_shown(job, KeyHeld("k", (), None, None), lambda _, p: p)
    assert held
    assert declared("UniqueKey") == held.keys()
    group = FailureGroup("f", "B", "E", "", "m", "id", 1, 0, 0)
    assert declared("Failure") == wire.failure_shown(group).keys()


def test_what_steers_is_declared() -> None:
    job = Job(new_id(), "B")
    assert declared("Batch") == wire.batch_shown(Batch(job, {}), lambda _, p: p).keys()
    line = LogLine(job.id, 1, 0, "info", "m")
    assert declared("LogLine") == wire.line_shown(1, line).keys()
    assert declared("Action") == wire.action_shown(Action("id", "cancel", {})).keys()
    assert declared("Limits") == {*wire.LIMITS.values()}
    assert declared("Binding") == wire.binding_shown(BindingInfo("B")).keys()
    assert declared("WorkerInfo") == wire.worker_shown(WorkerInfo("w")).keys()
    assert declared("ScheduleParts") == {*PARTS_OF_SCHEDULES}
    info = ScheduleInfo("s", definition("B", Schedule(Every(60)), "null"), 0)
    assert declared("Schedule") == wire.schedule_shown(info, lambda _, p: p).keys()
