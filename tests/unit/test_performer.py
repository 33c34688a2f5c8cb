"""Performer classes: names, inherited defaults, and what is refused at their definition."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest

from kiribi import (
    Exponential,
    InvalidApplication,
    InvalidInput,
    Performer,
    RetryBudget,
)
from kiribi.performer import (
    binding_name,
    by_binding,
    defaults_of,
    is_performer,
    limits_of,
    performers_in,
)


@pytest.mark.parametrize(
    ("class_name", "binding"),
    [
        ("SendMail", "SEND_MAIL"),
        ("HTTPFetch2", "HTTP_FETCH2"),
        ("FetchHTTP", "FETCH_HTTP"),
        ("SendMail2Users", "SEND_MAIL2_USERS"),
        ("X", "X"),
        ("_Private", "_PRIVATE"),
        ("already_snake", "ALREADY_SNAKE"),
        ("SEND_MAIL", "SEND_MAIL"),
    ],
)
def test_binding_from_the_class_name(class_name: str, binding: str) -> None:
    assert binding_name(class_name) == binding
    cls = types.new_class(class_name, (Performer,))
    assert cls.binding == binding


def perform(self: Performer, payload: Any) -> None: ...
async def aperform(self: Performer, payload: Any) -> None: ...


def define(name: str = "Job", *bases: type, **attributes: Any) -> type[Performer]:
    attributes.setdefault("perform", perform)
    return types.new_class(name, bases or (Performer,), exec_body=lambda ns: ns.update(attributes))


def test_binding_is_not_inherited() -> None:
    base = define("Base", binding="MINE")
    assert base.binding == "MINE"
    assert define("Derived", base).binding == "DERIVED"


def test_defaults_are_inherited_and_normal() -> None:
    base = define("Base", max_attempts=5, retry_delay={"base": 3}, timeout=2, priority=4)
    derived = define("Derived", base, timeout=9)
    assert derived.retry_delay == Exponential(3)
    assert defaults_of(derived) == {
        "max_attempts": 5,
        "timeout": 9,
        "retry_delay": {"exponential": True, "base": 3, "cap": 3600},
        "priority": 4,
    }


@pytest.mark.parametrize(
    ("attributes", "executor"),
    [
        ({"perform": perform}, "thread"),
        ({"perform": aperform}, "coroutine"),
        ({"perform": aperform, "executor": "process"}, "process"),
        ({"perform": perform, "executor": "thread"}, "thread"),
    ],
)
def test_executor(attributes: dict[str, Any], executor: str) -> None:
    assert define(**attributes).executor == executor


def test_executor_process_is_inherited_the_natural_one_is_not() -> None:
    heavy = define("Heavy", executor="process")
    assert define("Parse", heavy, perform=aperform).executor == "process"
    assert define("Light", heavy, executor="thread").executor == "thread"
    quick = define("Quick", perform=aperform)
    assert define("Slow", quick, perform=perform).executor == "thread"


class Beside(Performer):
    @staticmethod
    def retry_delay(failures: int) -> float:
        return failures * 10.0

    def perform(self, payload: Any) -> None: ...


class Plain(Performer):
    def retry_delay(failures: int) -> float:  # noqa: N805 - a function beside the performer
        return failures * 10.0

    def perform(self, payload: Any) -> None: ...


class Made(Performer):
    retry_delay = lambda failures: failures * 10.0  # noqa: E731

    def perform(self, payload: Any) -> None: ...


class Inherited(Beside):
    def perform(self, payload: Any) -> None: ...


@pytest.mark.parametrize("performer", [Beside, Plain, Made, Inherited])
def test_retry_delay_may_be_a_function_beside_the_performer(performer: type[Performer]) -> None:
    assert performer.retry_delay(3) == 30
    assert defaults_of(performer) == {}


def method(self: Performer, failures: int) -> float:
    return 1.0


def generator(self: Performer, payload: Any) -> Any:
    yield 1


async def agenerator(self: Performer, payload: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"binding": ""}, "Job.binding"),
        ({"binding": 3}, "Job.binding"),
        ({"binding": "has space"}, "Job.binding"),
        ({"binding": "x" * 101}, "Job.binding"),
        ({"binding": "9LIVES"}, "Job.binding"),
        ({"max_attempts": 0}, "Job.max_attempts"),
        ({"max_attempts": True}, "Job.max_attempts"),
        ({"timeout": 0}, "Job.timeout"),
        ({"timeout": "30"}, "Job.timeout"),
        ({"priority": 10}, "Job.priority"),
        ({"first_delay": -1}, "Job.first_delay"),
        ({"retry_delay": "soon"}, "Job.retry_delay"),
        ({"retry_delay": method}, "Job.retry_delay"),
        ({"retry_delay": {"bse": 2}}, "Job.retry_delay"),
        ({"executor": "fiber"}, "Job.executor"),
        ({"executor": "coroutine"}, "Job.executor"),
        ({"executor": "thread", "perform": aperform}, "Job.executor"),
        ({"perform": lambda self: None}, "Job.perform"),
        ({"perform": lambda self, a, b: None}, "Job.perform"),
        ({"perform": generator}, "Job.perform"),
        ({"perform": agenerator}, "Job.perform"),
    ],
)
def test_refuses_at_the_definition(attributes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        define(**attributes)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("attributes", "field", "allowed"),
    [
        ({"concurrency": 0}, "Job.concurrency", "give a whole number from 1 to 1,000,000"),
        ({"concurrency": True}, "Job.concurrency", "give a whole number from 1 to 1,000,000"),
        ({"concurrency_per_key": 1.5}, "Job.concurrency_per_key", "give a whole number"),
        ({"rate_limit": 5}, "Job.rate_limit", "give RateLimit(limit, per, burst)"),
        ({"rate_limit": {"per": 5}}, "Job.rate_limit", "give RateLimit(limit, per, burst)"),
        ({"rate_limit": {"limit": 5, "every": 5}}, "Job.rate_limit", "known are limit, per, burst"),
        (
            {"rate_limit_per_key": {"limit": 0}},
            "Job.rate_limit_per_key.limit",
            "give a whole number from 1",
        ),
        (
            {"rate_limit": {"limit": 1, "per": 0}},
            "Job.rate_limit.per",
            "give a number of seconds from 0.001",
        ),
        ({"rate_limit": {"limit": 1, "burst": 0}}, "Job.rate_limit.burst", "give a whole number"),
        ({"retry_budget": 3}, "Job.retry_budget", "give RetryBudget(failures, probe)"),
        (
            {"retry_budget": {"failures": 0}},
            "Job.retry_budget.failures",
            "give a whole number from 1",
        ),
        (
            {"retry_budget": {"failures": 1, "probe": -1}},
            "Job.retry_budget.probe",
            "give a number of seconds",
        ),
    ],
)
def test_refuses_limits_at_the_definition(
    attributes: dict[str, Any], field: str, allowed: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        define(**attributes)
    assert refusal.value.field == field
    assert allowed in refusal.value.allowed


def test_limits_are_inherited_and_stored_as_json() -> None:
    base = define("Base", concurrency=3, rate_limit={"limit": 5, "per": 60})
    derived = define("Derived", base, concurrency_per_key=2, retry_budget=RetryBudget(5, 10))
    assert limits_of(derived) == {
        "concurrency": 3,
        "concurrency_per_key": 2,
        "rate_limit": {"limit": 5, "per": 60.0, "burst": 1},
        "retry_budget": {"failures": 5, "probe": 10.0},
    }


def test_a_class_without_perform_is_a_base() -> None:
    base = types.new_class("Base", (Performer,))
    assert not is_performer(base)
    assert not is_performer(Performer)
    assert not is_performer(base())
    assert is_performer(define("Derived", base))


def test_a_module_has_each_performer_once() -> None:
    module = types.ModuleType("shop")
    one = define("One")
    vars(module).update(
        One=one, Alias=one, Performer=Performer, number=3, Base=types.new_class("B")
    )
    assert performers_in(module) == {"ONE": one}


def test_two_classes_may_not_share_a_binding() -> None:
    with pytest.raises(InvalidApplication, match=r"SendMail and SendMail share it"):
        by_binding([define("SendMail"), define("SendMail")])


@pytest.mark.parametrize("wrong", [Performer, int, "SEND_MAIL", None])
def test_only_performers_are_at_hand(wrong: Any) -> None:
    with pytest.raises(InvalidApplication, match="give Performers with `perform`"):
        by_binding([wrong])


@pytest.mark.parametrize("call", [lambda p: p.perform(1)])
def test_the_base_cannot_perform(call: Callable[[Performer], Any]) -> None:
    with pytest.raises(NotImplementedError, match="Performer has no perform"):
        call(Performer())
