"""What answers contain, as OpenAPI shows it; `wire` builds them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from kiribi.action import ActionStatus
from kiribi.job import JobStatus, Outcome


class Answer(BaseModel):
    """A JSON object in an answer."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class ErrorBody(Answer):
    """What was refused, and what would not be."""

    code: str = Field(description="For programs.", examples=["invalid_input"])
    message: str = Field(
        description="For people: field, value and what is allowed.",
        examples=["limit: 0 is not allowed; input should be greater than or equal to 1"],
    )
    field: str | None = Field(None, description="Where it is in the request.", examples=["limit"])
    allowed: str | None = Field(None, description="What would have been accepted.")


class Problem(Answer):
    """The body of every answer that is an error."""

    error: ErrorBody


class ExitShown(Answer):
    """How the process ended that died with a job."""

    signal: str | None = Field(description="That killed it.", examples=["SIGKILL"])
    code: int | None = Field(description="Its exit code, if no signal killed it.")
    peak_memory: int | None = Field(description="The most bytes it had in memory, where known.")


class Failure(Answer):
    """The last failure of a job."""

    type: str = Field(examples=["ConnectionError"])
    message: str
    origin: str | None = Field(
        description="Where in the application: module:function; or how its process ended.",
        examples=["shop.mail:SendMail.perform"],
    )
    fingerprint: str | None = Field(description="Equal for failures of one cause.")
    exit: ExitShown | None = Field(description="Of its process, if that died.")


class ProgressShown(Answer):
    """How far the running attempt is."""

    fraction: float = Field(ge=0, le=1)
    message: str


class Listed(Answer):
    """A job as in lists."""

    id: str = Field(description="A UUIDv7: the order of ids is the order of creation.")
    binding: str
    status: JobStatus
    attempts: int = Field(description="How often it was started.")
    failures: int = Field(description="Attempts that count against maxRetries.")
    crashes: int = Field(description="Attempts whose worker was lost.")
    priority: int
    created_at: datetime
    updated_at: datetime
    due_at: datetime = Field(description="The earliest time of its next attempt.")
    started_at: datetime | None = Field(description="Of the last attempt.")
    finished_at: datetime | None = Field(description="Of the last attempt.")
    completed_at: datetime | None
    processing_time: int | None = Field(description="Milliseconds of the last attempt that ended.")
    payload: Any = Field(description="After redaction; null in lists when larger than 1 KB.")
    reason: Literal["failed", "crashed"] | None = Field(
        description="Why it is FAILED; crashed: it killed its workers, three times."
    )
    error: Failure | None
    progress: ProgressShown | None
    worker: str | None
    cancel_requested: bool
    duplicate: bool = Field(
        description="It has the id or the unique key asked for: no new job was made."
    )


class AttemptShown(Answer):
    """One attempt."""

    status: Literal["success", "failed"]
    outcome: Outcome
    error: str | None
    error_type: str | None
    traceback: str | None
    exit: ExitShown | None = Field(description="Of its process, if that died.")
    started_at: int = Field(description="Epoch milliseconds.")
    finished_at: int = Field(description="Epoch milliseconds.")
    processing_time: int = Field(description="Milliseconds.")
    attempt: int
    worker: str | None


class ParamsShown(Answer):
    """The options given explicitly."""

    max_retries: int | None = None
    retry_delay: float | dict[str, float | bool] | None = None
    first_delay: float | None = None
    at: datetime | None = None
    timeout: float | None = None
    priority: int | None = None
    after: list[str] | None = None
    after_failed: Literal["cancel", "run", "wait"] | None = None
    concurrency_key: str | None = None
    unique: bool | dict[str, Any] | None = None


class Details(Listed):
    """A job as a whole."""

    params: ParamsShown | None
    schedule: str | None = Field(description="The name of the schedule that made it.")
    tick: datetime | None = Field(description="The tick of it that the job is for.")
    result: list[AttemptShown] = Field(description="The last 20 attempts, oldest first.")
    return_value: Any = Field(description="What the performer returned.")


class KeyShown(Answer):
    """The unique key of a job."""

    key: str | None = Field(description="As JSON; null where the payload is redacted.")
    states: list[JobStatus] = Field(description="Statuses in which the job holds it.")
    until: datetime | None = Field(description="When the job ceases to hold it at the latest.")
    holder: str | None = Field(description="Id of the job that holds it now; null: nobody does.")
    held_until: datetime | None = Field(description="When that ceases to hold it at the latest.")


class Whole(Details):
    """A job as a whole, and its unique key."""

    unique_key: KeyShown | None = Field(description="Null: it has none (any more).")


class LastJob(Answer):
    """The last job of a schedule."""

    id: str
    status: JobStatus | None = Field(description="Null: it is not there any more.")


class ScheduleShown(Answer):
    """A recurring job."""

    name: str
    binding: str
    cron: str | None = Field(description="Minute, hour, day, month, weekday; or `every` is given.")
    tz: str | None = Field(description="IANA time zone of `cron`.")
    every: float | None = Field(description="Seconds.")
    payload: Any = Field(description="After redaction.")
    params: ParamsShown | None
    missed: Literal["once", "all", "skip"]
    overlap: bool
    declared: bool = Field(description="By a performer's class; else it was made by a call.")
    paused: bool
    next_at: datetime | None = Field(description="Its next tick; null while it is paused.")
    last_tick_at: datetime | None = Field(description="The last tick that was run.")
    last_job: LastJob | None
    created_at: datetime


class Times(Answer):
    """Ticks to come."""

    tz: str | None = Field(description="The time zone of its cron expression.")
    times: list[datetime]


class PageShown(Answer):
    """A page of a search, newest first."""

    jobs: list[Listed]
    next: str | None = Field(description="Pass it as `before` to go on; null at the end.")
    looked_back_to: datetime | None = Field(
        description="How far the search looked before it stopped; null: to the end."
    )


class Counted(Answer):
    """How many jobs match."""

    count: int
    exact: bool = Field(description="False where counting stopped, at 10,000.")


class Line(Answer):
    """One line of a job's log."""

    seq: int
    attempt: int
    at: datetime
    level: str
    message: str


class Log(Answer):
    """Lines of a job's log, oldest first."""

    lines: list[Line]
    next: int = Field(description="Pass it as `after` for the lines that follow.")


class ReasonShown(Answer):
    """One thing that holds a job."""

    code: str = Field(description="For programs.")
    message: str = Field(description="For people.")
    params: dict[str, Any] = Field(
        description="What the message speaks of: durations in seconds, times as ISO 8601."
    )


class Explained(Answer):
    """Why a job is where it is, the strongest reason first."""

    id: str
    status: JobStatus
    reasons: list[ReasonShown]


class Skipped(Answer):
    """A job that was left as it is."""

    id: str
    reason: str


class Done(Answer):
    """What an action did."""

    done: list[str]
    skipped: list[Skipped]


class Number(Answer):
    """How many jobs it was."""

    count: int


class BatchShown(Answer):
    """How far a batch has come."""

    id: str = Field(description="The id of the callback job.")
    total: int = Field(description="Jobs, the callback not counted.")
    ended: int = Field(description="Of these, how many have ended, however.")
    progress: float = Field(ge=0, le=1)
    counts: dict[str, int] = Field(
        description="How many have which status; DELETED: removed before they completed."
    )
    callback: Listed


class ActionShown(Answer):
    """Something that is done to all jobs that a filter matches."""

    id: str = Field(description="A UUIDv7: jobs enqueued after it are left alone.")
    kind: Literal["cancel", "retry", "run_now", "delete"]
    filter: dict[str, Any] = Field(description="Which jobs.")
    who: str = Field(description="Who began it.")
    status: ActionStatus
    matched: int = Field(description="Jobs looked at so far.")
    done: int
    skipped: int = Field(description="Their status did not allow it, or they were gone.")
    failed: int = Field(description="They changed again and again meanwhile.")
    reason: str | None = Field(description="Why one of those skipped or failed was left alone.")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class ActionPage(Answer):
    """Bulk actions, newest first."""

    actions: list[ActionShown]
    next: str | None = Field(description="Pass it as `before` to go on; null at the end.")


class Health(Answer):
    """The state of affairs in one line."""

    level: Literal["ok", "warn", "bad"]
    message: str


class BindingCount(Answer):
    """Jobs of one binding by status."""

    binding: str
    counts: dict[JobStatus, int]


class Beat(Answer):
    """The pulse."""

    cursor: int = Field(description="Equal cursors mean that no job changed.")
    health: Health
    counts: dict[JobStatus, int]
    bindings: list[BindingCount]
    oldest_due_at: datetime | None = Field(description="Since when the first due job waits.")
    oldest_due_id: str | None = Field(description="Which job that is.")
    unserved: list[str] = Field(description="Bindings with open jobs that no live worker serves.")
    paused: list[str]
    workers: int = Field(description="Live ones.")
    version: str


class Me(Answer):
    """Who asks, and what they may do."""

    user: str | None
    read_only: bool
    capabilities: list[str]
    events: bool = Field(description="Whether `/api/events` is there.")
    version: str


class RateShown(Answer):
    """So many starts in a time."""

    limit: int
    per: float = Field(description="Seconds.")
    burst: int


class BudgetShown(Answer):
    """When the breaker opens."""

    failures: int = Field(description="In a row.")
    probe: float = Field(description="Seconds from one probe to the next.")


class LimitsShown(Answer):
    """Limits over all workers."""

    concurrency: int | None = None
    concurrency_per_key: int | None = None
    rate_limit: RateShown | None = None
    rate_limit_per_key: RateShown | None = None
    retry_budget: BudgetShown | None = None


class BreakerShown(Answer):
    """Where the retry budget stands."""

    open: bool = Field(description="Its jobs wait; one at a time probes.")
    failures: int = Field(description="Since the last success.")
    probe: int | None = Field(description="Milliseconds until the next may probe.")


class BindingShown(Answer):
    """A kind of job."""

    name: str
    defaults: ParamsShown
    schema_: dict[str, Any] | None = Field(
        alias="schema", description="JSON Schema of its payload; null if anything goes."
    )
    paused: bool
    last_seen_at: datetime | None = Field(description="When a worker last served it.")
    limits: LimitsShown = Field(description="Those in force.")
    overrides: LimitsShown = Field(description="Set at run time; null: lifted.")
    declared: LimitsShown = Field(description="The performer's own.")
    breaker: BreakerShown | None = Field(description="null without a retry budget.")


class Tally(Answer):
    """What became of jobs within a time."""

    binding: str
    since: datetime
    seconds: float = Field(description="How much time it covers.")
    enqueued: int
    completed: int = Field(description="Attempts that ended so.")
    failed: int = Field(description="Attempts that ended so.")
    retried: int = Field(description="Of the failed, those followed by another attempt.")
    cancelled: int
    crashed: int = Field(description="Attempts whose worker was lost.")
    wait: float | None = Field(description="Mean milliseconds before an attempt.")
    run: float | None = Field(description="Mean milliseconds of an attempt.")
    wait_p50: float | None = Field(
        alias="waitP50", description="Median; percentiles are within 9 %."
    )
    wait_p95: float | None = Field(alias="waitP95")
    wait_p99: float | None = Field(alias="waitP99")
    run_p50: float | None = Field(alias="runP50")
    run_p95: float | None = Field(alias="runP95")
    run_p99: float | None = Field(alias="runP99")
    failure_rate: float | None = Field(description="Failed and crashed over all that ended.")
    throughput: float | None = Field(description="Jobs completed per second.")


class Statistics(Answer):
    """What became of jobs, by binding and over time."""

    since: datetime
    bucket: int = Field(description="Seconds of one step of the series.")
    bindings: list[Tally]
    series: list[Tally]


class FailureGroupShown(Answer):
    """Failures of one cause."""

    fingerprint: str = Field(description="A filter takes it.")
    binding: str
    type: str = Field(description="Of the last error.")
    origin: str | None = Field(description="Where in the application: module:function.")
    message: str = Field(description="Of the last error.")
    job: str = Field(description="The id of the last job that failed so; it may be gone.")
    count: int = Field(description="Attempts that failed so.")
    first_at: datetime
    last_at: datetime


class WorkerShown(Answer):
    """A worker."""

    id: str
    host: str
    pid: int
    version: str
    bindings: list[str]
    slots: int
    started_at: datetime
    alive: bool
    lease: int = Field(description="Milliseconds until its lease lapses.")
    dead_reason: str | None


class Existing(Answer):
    """A page as npm kiribi's web client asks for it."""

    results: list[Listed]
    total_count: int = Field(description="10,001 stands for all above 10,000.")


class Issue(Answer):
    """What zod would say."""

    code: str
    path: list[str]
    message: str


class ZodError(Answer):
    """All that is wrong."""

    name: Literal["ZodError"]
    issues: list[Issue]


class ZodProblem(Answer):
    """npm kiribi's answer to a job that cannot be created."""

    success: Literal[False]
    error: ZodError
