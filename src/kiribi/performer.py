"""What applications write: a class per kind of job."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast

from kiribi import limits
from kiribi._platform import Entrypoint
from kiribi.errors import InvalidApplication, InvalidInput, checked_seconds
from kiribi.job import Job
from kiribi.options import CHECKS, encoded, recurring
from kiribi.schedule import Cron, Every, Schedule, When

ExecutorName = Literal["coroutine", "thread", "process"]
DEFAULTS = ("max_attempts", "timeout", "retry_delay", "priority", "first_delay", "unique")
"""Class attributes of a performer that stand behind the options of `enqueue`."""

MAX_STEP_NAME = 200
"""Characters of the name of a `once` step."""

P_contra = TypeVar("P_contra", contravariant=True)


class Performs(Protocol[P_contra]):
    """Any performer class, seen by its `perform`: what makes `enqueue(SendMail, …)` typed."""

    def perform(self, payload: P_contra, /) -> Any: ...  # noqa: D102


class Attempt(Protocol):
    """What one running attempt offers to its performer."""

    @property
    def job(self) -> Job:  # noqa: D102
        ...

    @property
    def deadline(self) -> float | None:  # noqa: D102
        ...

    @property
    def cancelled(self) -> bool:  # noqa: D102
        ...

    def log(self, level: str, message: str) -> None: ...  # noqa: D102
    def progress(self, fraction: float, message: str) -> None: ...  # noqa: D102
    def once(self, name: str, fn: Callable[[str], Any]) -> Any: ...  # noqa: D102


class Performer(Entrypoint):
    """The code that does one kind of job. Subclass it and write `perform`.

    Its binding is the class name in capitals (`SendMail` is SEND_MAIL) unless `binding` is set.
    `perform` may be `async def`, `def` (it runs in a thread), or, with `executor = "process"`,
    either of them in a child process that can be killed. One instance serves one attempt. A class
    without `perform` is a base for others: they inherit all but `binding`.

    Attributes:
        binding: the name jobs are enqueued under.
        executor: "process" to run in a child process.
        max_attempts, timeout, retry_delay, priority, first_delay: defaults of the options of
            the same names (see `EnqueueOptions`). `retry_delay` may also be a function beside
            `perform` (a `staticmethod`, or one made elsewhere) that takes the number of failures
            so far and returns seconds.
        concurrency: how many run at a time, over all workers.
        concurrency_per_key: how many of those enqueued with the same `concurrency_key`; 1.
        rate_limit, rate_limit_per_key: how many start in a time, over all workers.
        retry_budget: after so many failures in a row, its jobs wait and one at a time probes.
        schedule: when to run it by itself: `Cron(…)`, `Every(…)`, a `Schedule`, or several,
            each with a name of its own.
        app: the value of the manager's `lifespan`.

    Raises:
        InvalidInput: at the definition of a subclass, naming what is wrong with it.
    """

    binding: ClassVar[str]
    executor: ClassVar[ExecutorName]
    max_attempts: ClassVar[int | None] = None
    timeout: ClassVar[float | None] = None
    retry_delay: ClassVar[Any] = None
    priority: ClassVar[int | None] = None
    first_delay: ClassVar[float | None] = None
    unique: ClassVar[Any] = None
    concurrency: ClassVar[int | None] = None
    concurrency_per_key: ClassVar[int | None] = None
    rate_limit: ClassVar[Any] = None
    rate_limit_per_key: ClassVar[Any] = None
    retry_budget: ClassVar[Any] = None
    schedule: ClassVar[When | Schedule | Iterable[When | Schedule] | None] = None

    app: Any = None
    _attempt: Attempt

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.binding = cls.__dict__.get("binding", binding_name(cls.__name__))
        check_binding(f"{cls.__name__}.binding", cls.binding)
        for name in DEFAULTS:
            value = getattr(cls, name)
            if name == "retry_delay" and callable(value):
                _check_call(f"{cls.__name__}.{name}", value, 1, RETRY_FUNCTION_RULE)
            elif value is not None:
                setattr(cls, name, CHECKS[name](f"{cls.__name__}.{name}", value))
        for name, check in limits.CHECKS.items():
            value = getattr(cls, name)
            if value is not None:
                setattr(cls, name, check(f"{cls.__name__}.{name}", value))
        if cls.schedule is not None:
            schedules_of(cls)
        _check_call(f"{cls.__name__}.perform", cls.perform, 2, PERFORM_RULE)
        cls.executor = _executor(cls)

    def perform(self, payload: Any, /) -> Any:
        """Do the job. The value returned must be JSON; raising is failure."""
        raise NotImplementedError(f"{type(self).__name__} has no perform")

    def begin(self, attempt: Attempt) -> None:
        """For executors: the attempt this instance serves."""
        self._attempt = attempt

    @property
    def job(self) -> Job:
        """The job; `job.attempts` is the number of this attempt and its fence token."""
        return self._attempt.job

    @property
    def deadline(self) -> float | None:
        """When this attempt times out, in epoch seconds; None without a timeout."""
        return self._attempt.deadline

    @property
    def cancelled(self) -> bool:
        """Somebody asked for this job to stop."""
        return self._attempt.cancelled

    def log(self, message: str, level: str = "info") -> None:
        """Append a line to the job's log (stored within about a second)."""
        self._attempt.log(level, str(message))

    def progress(self, fraction: float, message: str = "") -> None:
        """Report how far the job is, 0 to 1; the last report wins."""
        self._attempt.progress(
            checked_seconds("fraction", fraction, most=1, what="a number"), str(message)
        )

    def once(self, name: str, fn: Callable[[str], Any]) -> Any:
        """Run a step whose stored result is never repeated, whatever attempt asks.

        `fn` receives an idempotency key, because a process that dies between the effect and its
        storing repeats the step. In an `async def perform`, await the call; `fn` may be async
        there. The value must be JSON.

        Raises:
            InvalidInput: `name` is no text of 1 to 200 characters.
            LeaseLost: this attempt is over; the value was not stored.
        """
        if not isinstance(cast("object", name), str) or not 0 < len(name) <= MAX_STEP_NAME:
            raise InvalidInput("name", name, f"give a text of 1 to {MAX_STEP_NAME} characters")
        return self._attempt.once(name, fn)


BINDING_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,99}")
BINDING_RULE = "give 1 to 100 of A-Z a-z 0-9 _ . : -, not beginning with a digit"
PERFORM_RULE = "give `async def perform(self, payload)` or `def`, and no generator"
SCHEDULE_RULE = "give Cron(…), Every(…) or Schedule(…), or a tuple of them"
RETRY_FUNCTION_RULE = "give seconds, Exponential(base, cap), or a function of the failures alone"


def binding_name(class_name: str) -> str:
    """`SendMail` -> `SEND_MAIL`, `HTTPFetch2` -> `HTTP_FETCH2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).upper()


def check_binding(field: str, name: object) -> None:
    """Make sure that `name` can name a binding.

    Raises:
        InvalidInput: it cannot.
    """
    if not isinstance(name, str) or not BINDING_PATTERN.fullmatch(name):
        raise InvalidInput(field, name, BINDING_RULE)


def is_performer(value: object) -> bool:
    """Whether `value` is a class that can perform: a subclass of `Performer` with `perform`."""
    return (
        isinstance(value, type)
        and issubclass(value, Performer)
        and value.perform is not Performer.perform
    )


def defaults_of(performer: type[Performer]) -> dict[str, Any]:
    """The class's defaults as JSON, for programs that don't have the class."""
    given = {name: getattr(performer, name) for name in DEFAULTS}
    return {
        name: encoded(value)
        for name, value in given.items()
        if value is not None and not callable(value)
    }


def limits_of(performer: type[Performer]) -> dict[str, Any]:
    """The class's limits as JSON, by name."""
    given = {name: getattr(performer, name) for name in limits.CHECKS}
    return {name: limits.encoded(value) for name, value in given.items() if value is not None}


def schedules_of(performer: type[Performer]) -> dict[str, Schedule]:
    """What the class declares, by the names of the store: `REPORT`, `REPORT.weekly`.

    Raises:
        InvalidInput: naming what is wrong with it.
    """
    given, field = performer.schedule, f"{performer.__name__}.schedule"
    if given is None:
        return {}
    several: Any = (given,) if isinstance(given, Cron | Every | Schedule) else given
    if not isinstance(several, tuple | list):
        raise InvalidInput(field, given, SCHEDULE_RULE)
    found: dict[str, Schedule] = {}
    for one in cast("Iterable[object]", several):
        schedule = Schedule(one) if isinstance(one, Cron | Every) else one
        if not isinstance(schedule, Schedule):
            raise InvalidInput(field, one, SCHEDULE_RULE)
        recurring(schedule.options)
        if schedule.name:
            check_binding(f"{field} name", schedule.name)
        name = f"{performer.binding}.{schedule.name}" if schedule.name else performer.binding
        if name in found:
            raise InvalidInput(f"{field} name", schedule.name, "give each a name of its own")
        found[name] = schedule
    return found


def performers_in(module: ModuleType) -> dict[str, type[Performer]]:
    """The performers importable in a module, by binding.

    Raises:
        InvalidApplication: two classes have the same binding.
    """
    return by_binding(value for value in vars(module).values() if is_performer(value))


def by_binding(performers: Iterable[type[Performer]]) -> dict[str, type[Performer]]:
    """Performers by their bindings.

    Raises:
        InvalidApplication: one is no performer, or two classes have the same binding.
    """
    found: dict[str, type[Performer]] = {}
    for performer in performers:
        if not is_performer(performer):
            raise InvalidApplication("performers", performer, "give Performers with `perform`")
        if found.setdefault(performer.binding, performer) is not performer:
            names = f"{found[performer.binding].__name__} and {performer.__name__}"
            raise InvalidApplication(
                "binding", performer.binding, f"{names} share it: name one by `binding = …`"
            )
    return found


def _executor(performer: type[Performer]) -> ExecutorName:
    perform = performer.perform
    if inspect.isgeneratorfunction(perform) or inspect.isasyncgenfunction(perform):
        raise InvalidInput(f"{performer.__name__}.perform", perform, PERFORM_RULE)
    natural: ExecutorName = "coroutine" if inspect.iscoroutinefunction(perform) else "thread"
    inherited = "process" if getattr(performer, "executor", None) == "process" else natural
    chosen = performer.__dict__.get("executor", inherited)
    if chosen not in (natural, "process"):
        raise InvalidInput(
            f"{performer.__name__}.executor", chosen, f'give "process" or leave it ("{natural}")'
        )
    return chosen


def _check_call(field: str, function: Callable[..., Any], arguments: int, rule: str) -> None:
    """Make sure that `function` can be called with so many arguments."""
    try:
        signature = inspect.signature(function)
    except (ValueError, NameError):
        return  # written in C, or (Python 3.14) annotated with what is defined below it
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        raise InvalidInput(field, function, rule) from None
