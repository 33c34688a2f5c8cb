// What can be done with a job, and the path it took through its life cycle.

import type { BulkAction } from "./api";
import type { IconName } from "./components/icons";
import { STATUSES, type Filter, type Job, type JobDetails, type Kind, type Status } from "./types";

export type Action = "retry" | "runNow" | "cancel" | "delete";
export const ACTIONS: readonly Action[] = ["retry", "runNow", "cancel", "delete"];

export const CAPABILITY: Record<Action, string> = {
  retry: "jobs.retry",
  runNow: "jobs.retry",
  cancel: "jobs.cancel",
  delete: "jobs.delete",
};

export const ACTION_ICON: Record<Action, IconName> = {
  retry: "retry",
  runNow: "play",
  cancel: "stop",
  delete: "trash",
};

export const ROUTE: Record<Action, BulkAction> = {
  retry: "retry",
  runNow: "run-now",
  cancel: "cancel",
  delete: "delete-many",
};

export const isFinal = (status: Status): boolean =>
  status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";

export const isWaiting = (status: Status): boolean =>
  status === "PENDING" || status === "RETRY_PENDING";

/** It waits for other jobs: until they end, it is due at the end of time. */
export const isHeld = (job: Pick<Job, "dueAt">): boolean => job.dueAt.startsWith("9999-12-31");

export function allows(job: Pick<Job, "status" | "cancelRequested">, action: Action): boolean {
  switch (action) {
    case "retry":
      return isFinal(job.status);
    case "runNow":
      return isWaiting(job.status);
    case "cancel":
      return !isFinal(job.status) && !job.cancelRequested;
    case "delete":
      return job.status !== "PROCESSING";
  }
}

/** What it is called where it is done to all that match. */
export const KIND: Record<Action, Kind> = {
  retry: "retry",
  runNow: "run_now",
  cancel: "cancel",
  delete: "delete",
};

/** `filter` for those jobs alone that allow `action`; null: there can be none. */
export function narrowed(filter: Filter, action: Action): Filter | null {
  const allowing = (filter.status ?? STATUSES).filter((status) =>
    allows({ status, cancelRequested: false }, action),
  );
  // what went well is run again only where somebody asks for just that
  const status =
    action === "retry" && !filter.status
      ? allowing.filter((each) => each !== "COMPLETED")
      : allowing;
  return status.length ? { ...filter, status } : null;
}

/** A transition, `FROM>TO`. */
export type Edge = `${Status}>${Status}`;

/** The transitions this job has made, as far as its history tells. */
export function path(job: Pick<JobDetails, "status" | "result" | "attempts">): Set<Edge> {
  const edges = new Set<Edge>();
  let at: Status = "PENDING";
  const to = (next: Status): void => {
    if (at !== next) edges.add(`${at}>${next}`);
    at = next;
  };
  job.result.forEach((attempt, index) => {
    const last = index === job.result.length - 1;
    // an ended job was started over: it waits again
    if (isFinal(at)) at = "PENDING";
    to("PROCESSING");
    if (attempt.outcome === "completed") to("COMPLETED");
    else if (attempt.outcome === "cancelled") to("CANCELLED");
    else if (attempt.outcome === "snoozed") to("PENDING");
    else if (attempt.outcome === "released")
      to(last && isWaiting(job.status) ? job.status : "PENDING");
    else to(last && job.status === "FAILED" ? "FAILED" : "RETRY_PENDING");
  });
  if (job.status === "PROCESSING") {
    if (isFinal(at)) at = "PENDING";
    to("PROCESSING");
  } else if (job.status === "CANCELLED") {
    to("CANCELLED");
  }
  return edges;
}
