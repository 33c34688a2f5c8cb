"""Mistakes chosen by somebody who had not written the judge, from reading the code it judges."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.mistakes import Change

LIFECYCLE = "kiribi.lifecycle"
DELETES = "AND status IN (SELECT value FROM json_each(?3)) AND status <> 'PROCESSING'"

OVERSIGHTS: dict[str, Sequence[Change]] = {
    # What people do to jobs
    "a cancel overwrites an outcome": (
        (f"{LIFECYCLE}:cancel", "if job.status in FINAL:", "if False:"),
    ),
    "a cancel ends a job that runs": (
        (
            f"{LIFECYCLE}:cancel",
            "JobStatus.PROCESSING if running else JobStatus.CANCELLED",
            "JobStatus.CANCELLED",
        ),
    ),
    "a retry runs a job that has not ended": (
        (f"{LIFECYCLE}:retry", "if job.status not in FINAL:", "if False:"),
    ),
    "a retry forgets the attempts before": (
        (
            "apply_changes.sql",
            "WHEN outcome IS NULL THEN history",
            "WHEN outcome IS NULL THEN iif(waits = 2, NULL, history)",
        ),
    ),
    "an ended job is run now": (
        (f"{LIFECYCLE}:run_now", "if job.status not in WAITING:", "if False:"),
    ),
    "a job that runs is deleted": (
        ("delete_jobs.sql", DELETES, ""),
        ("delete_stat.sql", "AND status <> 'PROCESSING'", ""),
    ),
    # How attempts end
    "a job crashes for ever": ((f"{LIFECYCLE}:crash", "crashes >= max_crashes", "False"),),
    "a crash spends an attempt": (
        (
            f"{LIFECYCLE}:crash",
            "crashes=crashes,",
            "crashes=crashes, failures=job.failures + 1,",
        ),
    ),
    "what was discarded is tried again": (
        (
            "kiribi._execution:Execution._failed",
            "self._fail(job, error, final=True)",
            "self._fail(job, error)",
        ),
    ),
    "what fails is due at once": (
        (f"{LIFECYCLE}:fail", "delay=None if over else delay", "delay=None if over else 0"),
    ),
    "what snoozes is due at once": (
        (f"{LIFECYCLE}:snooze", "delay=None if over else seconds", "delay=None"),
    ),
    "what was taken back waits like a failure": (
        (f"{LIFECYCLE}:crash", "Outcome.CRASHED,", "Outcome.CRASHED, delay=0.25,"),
    ),
    "the history keeps two attempts": (("apply_changes.sql", "WHEN 20 THEN", "WHEN 2 THEN"),),
    # Workers and slots
    "rescue does not wait for the lease's end": (("bury_lapsed.sql", "lease_until <=", "0 <="),),
    "rescue takes back what others hold": (
        ("held_jobs.sql", "worker = ?2", "?2 <> '' AND worker IS NOT NULL"),
    ),
    "a slot is not given back": (
        (
            "apply_stat.sql",
            "processing = processing + excluded.processing,",
            "processing = processing + max(0, excluded.processing),",
        ),
    ),
}
