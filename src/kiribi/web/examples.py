"""Examples of what is asked and answered, by operation: they tell one story of one job."""

from __future__ import annotations

from typing import Any

ID = "019a1f3e-7c00-7b1e-9d3a-5f0c2b4d6e81"
FAILED = "019a1f3e-6a10-7c2d-8e4f-1a2b3c4d5e6f"
WORKER = "019a1f00-0001-7aaa-8bbb-0c0d0e0f1011"
AT = "2026-09-01T12:00:00.000Z"
END = "2026-09-01T12:00:01.250Z"

ASKED: dict[str, Any] = {
    "binding": "SEND_MAIL",
    "payload": {"to": "someone@example.com"},
    "params": {"maxRetries": 5, "retryDelay": {"exponential": True, "base": 2, "cap": 3600}},
}
LISTED = {
    "id": ID,
    "binding": "SEND_MAIL",
    "status": "COMPLETED",
    "attempts": 1,
    "failures": 0,
    "crashes": 0,
    "priority": 0,
    "createdAt": AT,
    "updatedAt": END,
    "dueAt": AT,
    "startedAt": AT,
    "finishedAt": END,
    "completedAt": END,
    "processingTime": 1250,
    "payload": {"to": "someone@example.com"},
    "reason": None,
    "error": None,
    "progress": {"fraction": 1.0, "message": "sent"},
    "worker": WORKER,
    "cancelRequested": False,
    "duplicate": False,
}
DETAILS = {
    **LISTED,
    "params": ASKED["params"],
    "schedule": None,
    "tick": None,
    "result": [
        {
            "status": "success",
            "outcome": "completed",
            "error": None,
            "errorType": None,
            "traceback": None,
            "exit": None,
            "startedAt": 1_788_264_000_000,
            "finishedAt": 1_788_264_001_250,
            "processingTime": 1250,
            "attempt": 1,
            "worker": WORKER,
        }
    ],
    "returnValue": {"messageId": "42"},
}
PENDING = {
    **LISTED,
    "status": "PENDING",
    "attempts": 0,
    "updatedAt": AT,
    "startedAt": None,
    "finishedAt": None,
    "completedAt": None,
    "processingTime": None,
    "progress": None,
    "worker": None,
}
NEW: dict[str, Any] = {
    **PENDING,
    "params": ASKED["params"],
    "schedule": None,
    "tick": None,
    "result": [],
    "returnValue": None,
}
BATCH = {
    "id": ID,
    "total": 3,
    "ended": 2,
    "progress": 0.6667,
    "counts": {"COMPLETED": 2, "PROCESSING": 1},
    "callback": PENDING,
}
ACTION = {
    "id": ID,
    "kind": "retry",
    "filter": {"binding": ["SEND_MAIL"], "status": ["FAILED"]},
    "who": "ann at 192.0.2.7",
    "status": "RUNNING",
    "matched": 12000,
    "done": 11997,
    "skipped": 3,
    "failed": 0,
    "reason": f"job '{FAILED}' has become PENDING meanwhile",
    "createdAt": AT,
    "updatedAt": END,
    "finishedAt": None,
}
FILTER = {"binding": ["SEND_MAIL"], "status": ["FAILED"], "error": "timeout"}
DONE = {
    "done": [ID],
    "skipped": [{"id": FAILED, "reason": f"job '{FAILED}' does not exist"}],
}
DECLARED = {
    "concurrency": 10,
    "rateLimit": {"limit": 100, "per": 60, "burst": 20},
    "retryBudget": {"failures": 5, "probe": 30},
}
BINDING = {
    "name": "SEND_MAIL",
    "defaults": {"maxRetries": 5, "timeout": 30},
    "schema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
    "paused": False,
    "lastSeenAt": AT,
    "limits": DECLARED,
    "overrides": {},
    "declared": DECLARED,
    "breaker": {"open": False, "failures": 0, "probe": None},
}
TALLY = {
    "binding": "SEND_MAIL",
    "since": AT,
    "seconds": 3600.0,
    "enqueued": 120,
    "completed": 110,
    "failed": 5,
    "retried": 4,
    "cancelled": 1,
    "crashed": 0,
    "wait": 12.5,
    "run": 840.0,
    "waitP50": 8.0,
    "waitP95": 40.8,
    "waitP99": 138.7,
    "runP50": 663.2,
    "runP95": 1876.0,
    "runP99": 2230.8,
    "failureRate": 0.043,
    "throughput": 0.0306,
}

SCHEDULE = {
    "name": "digest",
    "binding": "SEND_MAIL",
    "cron": "0 9 * * 1-5",
    "tz": "Asia/Tokyo",
    "every": None,
    "payload": {"to": "someone@example.com"},
    "params": {"maxRetries": 5},
    "missed": "once",
    "overlap": True,
    "declared": False,
    "paused": False,
    "nextAt": "2026-09-02T00:00:00.000Z",
    "lastTickAt": "2026-09-01T00:00:00.000Z",
    "lastJob": {"id": ID, "status": "COMPLETED"},
    "createdAt": AT,
}
SCHEDULE_ASKED: dict[str, Any] = {
    name: SCHEDULE[name] for name in ("name", "binding", "cron", "tz", "payload", "params")
}

REQUESTS: dict[str, Any] = {
    "limit": {"concurrency": 2, "rateLimit": None},
    "search": {"filter": FILTER, "limit": 50},
    "count": {"filter": FILTER},
    "enqueue": {
        **ASKED,
        "params": {
            **ASKED["params"],
            "concurrencyKey": "tenant-7",
            "unique": {"by": ["payload.to"], "within": 3600, "onConflict": "replace"},
        },
    },
    "enqueueMany": [
        ASKED,
        {
            "binding": "SEND_MAIL",
            "payload": {"to": "else@example.com"},
            "params": {"after": [ID], "afterFailed": "run"},
        },
        {"binding": "REPORT", "params": {"unique": True, "priority": 3}},
    ],
    "startAction": {"kind": "retry", "filter": {"binding": "SEND_MAIL", "status": "FAILED"}},
    "enqueueBatch": {
        "jobs": [ASKED, {"binding": "SEND_MAIL", "payload": {"to": "else@example.com"}}],
        "then": {"binding": "REPORT", "payload": {"to": "someone@example.com"}},
    },
    "perform": {**ASKED, "wait": 10},
    "cancelMany": {"ids": [ID, FAILED]},
    "retryMany": {"filter": {"binding": "SEND_MAIL", "status": "FAILED"}},
    "runManyNow": {"ids": [ID]},
    "deleteMany": {"ids": [ID, FAILED]},
    "sweep": {"olderThan": 604_800_000, "statuses": ["COMPLETED", "CANCELLED"], "dryRun": True},
    "recover": {"id": ID},
    "createSchedule": SCHEDULE_ASKED,
    "editSchedule": {"cron": "30 8 * * 1-5", "missed": "skip"},
    "login": {"token": "the token of this server"},
    "listJobs": {
        "filter": {"binding": "SEND_MAIL", "status": ["PENDING", "FAILED"]},
        "sort": {"key": "createdAt", "desc": True},
        "page": {"index": 0, "size": 10},
    },
    "deleteJobs": [ID, FAILED],
}
TICKS = {
    "tz": "Asia/Tokyo",
    "times": ["2026-09-02T00:00:00.000Z", "2026-09-03T00:00:00.000Z"],
}
ANSWERS: dict[str, Any] = {
    "search": {"jobs": [LISTED], "next": ID, "lookedBackTo": AT},
    "count": {"count": 12, "exact": True},
    "find": {
        **DETAILS,
        "uniqueKey": {
            "key": '{"payload.to":"someone@example.com"}',
            "states": ["PENDING", "PROCESSING", "RETRY_PENDING"],
            "until": None,
            "holder": FAILED,
            "heldUntil": None,
        },
    },
    "logs": {
        "lines": [{"seq": 1, "attempt": 1, "at": AT, "level": "info", "message": "connected"}],
        "next": 1,
    },
    "explain": {
        "id": ID,
        "status": "PENDING",
        "reasons": [
            {
                "code": "unserved",
                "message": "No live worker serves SEND_MAIL.",
                "params": {"binding": "SEND_MAIL", "seen": AT},
            },
            {
                "code": "unique_key",
                "message": 'It holds the unique key {"key":"digest"} while it is PENDING.',
                "params": {"key": '{"key":"digest"}', "holder": ID, "until": None},
            },
        ],
    },
    "result": DETAILS,
    "deadJobs": [{**LISTED, "status": "PROCESSING"}],
    "enqueue": {
        **NEW,
        "params": {
            **ASKED["params"],
            "concurrencyKey": "tenant-7",
            "unique": {"by": ["payload.to"], "within": 3600, "onConflict": "replace"},
        },
    },
    "enqueueMany": [PENDING],
    "startAction": ACTION,
    "listActions": {"actions": [ACTION], "next": None},
    "findAction": ACTION,
    "abort": {**ACTION, "status": "ABORTED", "finishedAt": END},
    "enqueueBatch": BATCH,
    "batch": BATCH,
    "perform": DETAILS,
    "cancelMany": DONE,
    "retryMany": DONE,
    "runManyNow": DONE,
    "deleteMany": DONE,
    "retry": NEW,
    "runNow": NEW,
    "sweep": {"count": 1234},
    "recover": {"count": 1},
    "pause": {**BINDING, "paused": True},
    "limit": {
        **BINDING,
        "limits": {"concurrency": 2, "retryBudget": {"failures": 5, "probe": 30}},
        "overrides": {"concurrency": 2, "rateLimit": None},
    },
    "resetLimits": BINDING,
    "resume": BINDING,
    "schedules": [SCHEDULE],
    "createSchedule": SCHEDULE,
    "findSchedule": SCHEDULE,
    "editSchedule": {**SCHEDULE, "cron": "30 8 * * 1-5", "missed": "skip"},
    "pauseSchedule": {**SCHEDULE, "paused": True, "nextAt": None},
    "resumeSchedule": SCHEDULE,
    "runSchedule": {**NEW, "schedule": "digest"},
    "nextTicks": TICKS,
    "upcomingTicks": TICKS,
    "pulse": {
        "cursor": 4711,
        "health": {"level": "ok", "message": "3 jobs running, 1 worker"},
        "counts": {"PENDING": 12, "PROCESSING": 3, "COMPLETED": 1024, "FAILED": 7},
        "bindings": [{"binding": "SEND_MAIL", "counts": {"PENDING": 12, "PROCESSING": 3}}],
        "oldestDueAt": AT,
        "oldestDueId": ID,
        "unserved": [],
        "paused": [],
        "workers": 1,
        "version": "1.0.0",
    },
    "me": {
        "user": "ann",
        "readOnly": False,
        "capabilities": ["jobs.read", "jobs.enqueue"],
        "events": True,
        "version": "1.0.0",
    },
    "bindingDetails": [BINDING],
    "stats": {"since": AT, "bucket": 3600, "bindings": [TALLY], "series": [TALLY]},
    "failures": [
        {
            "fingerprint": "3f1c0a9b7d5e2648",
            "binding": "SEND_MAIL",
            "type": "ConnectionError",
            "origin": "shop.mail:SendMail.perform",
            "message": "no answer from mx.example.com",
            "job": FAILED,
            "count": 12,
            "firstAt": AT,
            "lastAt": END,
        }
    ],
    "workers": [
        {
            "id": WORKER,
            "host": "worker-1",
            "pid": 4242,
            "version": "1.0.0",
            "bindings": ["SEND_MAIL"],
            "slots": 100,
            "startedAt": AT,
            "alive": True,
            "lease": 17_500,
            "deadReason": None,
        }
    ],
    "listJobs": {"results": [LISTED], "totalCount": 1},
    "bindingNames": ["SEND_MAIL"],
}
ZOD = {
    "success": False,
    "error": {
        "name": "ZodError",
        "issues": [
            {
                "code": "custom",
                "path": ["payload"],
                "message": "Payload must be a valid JSON string",
            }
        ],
    },
}
