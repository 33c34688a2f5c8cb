"""What applications write: a class per kind of job."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast

from kiribi._platform import Entrypoint
from kiribi.backoff import RetryDelay
from kiribi.errors import InvalidApplication, InvalidInput, NotSupported
from kiribi.job import Job
from kiribi.options import CHECKS, LATER, encoded

ExecutorName = Literal["coroutine", "thread", "process"]
DEFAULTS = ("max_attempts", "timeout", "retry_delay", "priority", "first_delay")
"""Class attributes of a performer that stand behind the options of `enqueue`."""

P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Performs(Protocol[P_contra, R_co]):
    """Any performer class, seen by its `perform`: what makes `enqueue(SendMail, …)` typed."""

    def perform(self, payload: P_contra) -> R_co: ...  # noqa: D102


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
    either of them in a child process that can be killed. One instance serves one attempt.

    Attributes:
        binding: the name jobs are enqueued under.
        executor: "process" to run in a child process.
        max_attempts, timeout, retry_delay, priority, first_delay: defaults of the options of
            the same names (see `EnqueueOptions`).
        app: the value of the manager's `lifespan`.
    """

    binding: ClassVar[str]
    executor: ClassVar[ExecutorName]
    max_attempts: ClassVar[int | None] = None
    timeout: ClassVar[float | None] = None
    retry_delay: ClassVar[Any] = None
    priority: ClassVar[int | None] = None
    first_delay: ClassVar[float | None] = None

    app: Any = None
    _attempt: Attempt

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.binding = cls.__dict__.get("binding") or binding_name(cls.__name__)
        if not BINDING_PATTERN.fullmatch(cls.binding):
            raise InvalidInput(f"{cls.__name__}.binding", cls.binding, BINDING_RULE)
        for name in DEFAULTS:
            value = getattr(cls, name)
            # A plain function is the callable form of retry_delay: `def retry_delay(failures)`
            if value is not None and not (name == "retry_delay" and callable(value)):
                CHECKS[name](f"{cls.__name__}.{name}", value)
        for name in LATER:
            if name in cls.__dict__:
                raise NotSupported(f"{cls.__name__}.{name}: this option is not supported yet")
        natural = "coroutine" if inspect.iscoroutinefunction(cls.perform) else "thread"
        cls.executor = chosen = cls.__dict__.get("executor", natural)
        if chosen not in (natural, "process"):
            raise InvalidInput(
                f"{cls.__name__}.executor", chosen, f'give "process" or leave it ("{natural}")'
            )

    def perform(self, payload: Any) -> Any:
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
        if not 0 <= fraction <= 1:
            raise InvalidInput("fraction", fraction, "give a number from 0 to 1")
        self._attempt.progress(float(fraction), str(message))

    def once(self, name: str, fn: Callable[[str], Any]) -> Any:
        """Run a step whose stored result is never repeated, whatever attempt asks.

        `fn` receives an idempotency key, because a process that dies between the effect and its
        storing repeats the step. In an `async def perform`, await the call; `fn` may be async
        there. The value must be JSON.

        Raises:
            LeaseLost: this attempt is over; the value was not stored.
        """
        return self._attempt.once(name, fn)


BINDING_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,99}")
BINDING_RULE = "give 1 to 100 letters, digits, or any of _ . : -, not beginning with a digit"


def binding_name(class_name: str) -> str:
    """`SendMail` -> `SEND_MAIL`, `HTTPFetch2` -> `HTTP_FETCH2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).upper()


def defaults_of(performer: type[Performer]) -> dict[str, Any]:
    """The class's defaults as JSON, for programs that don't have the class."""
    given = {name: getattr(performer, name) for name in DEFAULTS}
    return {
        name: encoded(value)
        for name, value in given.items()
        if value is not None and not callable(value)
    }


def retry_policy(performer: type[Performer]) -> RetryDelay | Callable[[int], float] | None:
    """The class's `retry_delay`; a function beside the performer takes the count of failures."""
    value = inspect.getattr_static(performer, "retry_delay", None)
    if isinstance(value, staticmethod):
        return cast("Callable[[int], float]", value.__func__)
    return value


def performers_in(module: ModuleType) -> Mapping[str, type[Performer]]:
    """The performers importable in a module, by binding.

    Raises:
        InvalidApplication: two classes have the same binding.
    """
    found: dict[str, type[Performer]] = {}
    for value in vars(module).values():
        if not (isinstance(value, type) and issubclass(value, Performer)) or value is Performer:
            continue
        if value.perform is Performer.perform:
            continue  # an abstract base shared by several performers
        if found.setdefault(value.binding, value) is not value:
            raise InvalidApplication(
                "binding",
                value.binding,
                f"{found[value.binding].__name__} and {value.__name__} share it: rename one",
            )
    return found
