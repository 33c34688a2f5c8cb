// When a job waited and when it ran, as stretches of one line.

import { isFinal, isHeld, isWaiting } from "./lifecycle";
import type { Attempt, JobDetails } from "./types";

export interface Stretch {
  number: number;
  /** Epoch milliseconds: waits from here, runs from `start` to `end`. */
  from: number;
  start: number;
  end: number;
  attempt: Attempt | null;
}

export interface Timeline {
  from: number;
  to: number;
  stretches: Stretch[];
  /** When the next run is due; null if none is planned. */
  next: number | null;
  /** Attempts that happened but are no longer kept. */
  forgotten: number;
}

export function timeline(job: JobDetails, now: number): Timeline {
  const created = Date.parse(job.createdAt);
  const stretches: Stretch[] = [];
  let free = created;
  for (const attempt of job.result) {
    stretches.push({
      number: attempt.attempt,
      from: Math.min(free, attempt.startedAt),
      start: attempt.startedAt,
      end: attempt.finishedAt,
      attempt,
    });
    free = attempt.finishedAt;
  }
  const started = job.startedAt ? Date.parse(job.startedAt) : now;
  if (job.status === "PROCESSING")
    stretches.push({
      number: job.attempts,
      from: Math.min(free, started),
      start: started,
      end: Math.max(now, started),
      attempt: null,
    });
  const first = stretches[0];
  const forgotten = (first?.number ?? 1) - 1;
  const next = isWaiting(job.status) && !isHeld(job) ? Math.max(Date.parse(job.dueAt), free) : null;
  return {
    from: forgotten && first ? first.start : created,
    to: Math.max(next ?? 0, stretches.at(-1)?.end ?? 0, isFinal(job.status) ? 0 : now, created + 1),
    stretches:
      forgotten && first ? [{ ...first, from: first.start }, ...stretches.slice(1)] : stretches,
    next,
    forgotten,
  };
}

/** A moment's place on the line, in percent. */
export const percent = ({ from, to }: Timeline, ms: number): number =>
  (100 * (ms - from)) / Math.max(1, to - from);
