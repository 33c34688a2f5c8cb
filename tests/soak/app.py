"""What is performed: a coroutine, a thread and a child process, with all that a job may write."""

import hashlib
from typing import Any

from kiribi import JobStatus, Kiribi, Performer


class Coroutine(Performer):
    async def perform(self, payload: dict[str, Any]) -> str:
        self.log("begun")
        self.progress(0.5, "half way")
        return await self.once("digest", lambda key: digest(payload, key))


class Threaded(Performer):
    max_attempts = 2
    retry_delay = 0.1

    def perform(self, payload: dict[str, Any]) -> str:
        if payload["fails"] and self.job.attempts == 1:
            raise ConnectionError("the first time it fails")
        return digest(payload, self.job.id)


class InProcess(Performer):
    executor = "process"
    concurrency = 1  # so that each worker has at most one child for it

    def perform(self, payload: dict[str, Any]) -> str:
        return digest(payload, self.job.id)


def digest(payload: dict[str, Any], key: str) -> str:
    return hashlib.sha256(f"{key}{payload['text']}".encode()).hexdigest()


class Default(Kiribi):
    # so short that the database has its lasting size soon
    retention = dict.fromkeys((JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED), 20.0)
