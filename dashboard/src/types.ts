// What the API sends, as docs/rest.md says it.

export const STATUSES = [
  "PENDING",
  "PROCESSING",
  "RETRY_PENDING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
] as const;
export type Status = (typeof STATUSES)[number];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Job {
  id: string;
  binding: string;
  status: Status;
  attempts: number;
  failures: number;
  crashes: number;
  priority: number;
  createdAt: string;
  updatedAt: string;
  dueAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  completedAt: string | null;
  processingTime: number | null;
  payload: Json;
  error: { type: string; message: string } | null;
  progress: { fraction: number; message: string | null } | null;
  worker: string | null;
  cancelRequested: boolean;
  duplicate: boolean;
}

export type RetryDelay = number | { exponential: boolean; base: number; cap?: number };

export interface Params {
  maxRetries?: number;
  retryDelay?: RetryDelay;
  firstDelay?: number;
  at?: string;
  timeout?: number;
  priority?: number;
}

export type Outcome = "completed" | "failed" | "snoozed" | "cancelled" | "crashed" | "released";

/** One attempt; times are epoch milliseconds. */
export interface Attempt {
  outcome: Outcome;
  error: string | null;
  errorType: string | null;
  traceback: string | null;
  startedAt: number;
  finishedAt: number;
  processingTime: number;
  attempt: number;
  worker: string | null;
}

export interface JobDetails extends Job {
  params: Params | null;
  result: Attempt[];
  returnValue: Json;
}

export interface Filter {
  binding?: string[];
  status?: Status[];
  payload?: Record<string, Json>;
  error?: string;
  createdAfter?: string;
  createdBefore?: string;
  ids?: string[];
  fingerprint?: string;
}

export interface Page {
  jobs: Job[];
  next: string | null;
  lookedBackTo: string | null;
}

export type Counts = Partial<Record<Status, number>>;
export type Level = "ok" | "warn" | "bad";

export interface Pulse {
  cursor: number | string;
  health: { level: Level; message: string };
  counts: Counts;
  bindings: { binding: string; counts: Counts }[];
  oldestDueAt: string | null;
  oldestDueId: string | null;
  unserved: string[];
  paused: string[];
  workers: number;
  version: string;
}

export interface Me {
  user: string | null;
  readOnly: boolean;
  capabilities: string[];
  events: boolean;
  version: string;
}

/** What became of a binding's jobs; `wait` and `run` are means in milliseconds. */
export interface Tally {
  binding: string;
  since: string;
  enqueued: number;
  completed: number;
  failed: number;
  retried: number;
  cancelled: number;
  crashed: number;
  wait: number | null;
  run: number | null;
  failureRate: number | null;
  waitP95?: number | null;
  runP50?: number | null;
  runP95?: number | null;
}

/** Failures of one cause. */
export interface Cause {
  fingerprint: string;
  binding: string;
  type: string;
  origin: string | null;
  message: string;
  job: string;
  count: number;
  firstAt: string;
  lastAt: string;
}

export type Kind = "cancel" | "retry" | "run_now" | "delete";

/** Something done to all jobs that a filter matches. */
export interface Bulk {
  id: string;
  kind: Kind;
  filter: Record<string, Json>;
  who: string;
  status: "RUNNING" | "DONE" | "ABORTED";
  matched: number;
  done: number;
  skipped: number;
  failed: number;
  reason: string | null;
  createdAt: string;
  finishedAt: string | null;
}

export interface Schedule {
  name: string;
  binding: string;
  cron: string | null;
  tz: string | null;
  /** Seconds. */
  every: number | null;
  declared: boolean;
  paused: boolean;
  nextAt: string | null;
  lastTickAt: string | null;
  lastJob: { id: string; status: Status | null } | null;
}

export interface Stats {
  since: string;
  /** Seconds of one step. */
  bucket: number;
  bindings: Tally[];
  series: Tally[];
}

export interface Worker {
  id: string;
  host: string;
  pid: number;
  version: string;
  bindings: string[];
  slots: number;
  startedAt: string;
  alive: boolean;
  /** Milliseconds. */
  lease: number;
  deadReason: string | null;
}

export interface LogLine {
  seq: number;
  attempt: number;
  at: string;
  level: string;
  message: string;
}

export interface BindingDetails {
  name: string;
  defaults: Params | null;
  schema: JsonSchema | null;
  paused: boolean;
  lastSeenAt: string | null;
  limits?: Limits;
  breaker?: { open: boolean; failures: number; probe: number | null } | null;
}

/** `per` in seconds. */
interface Rate {
  limit: number;
  per: number;
}

export interface Limits {
  concurrency: number | null;
  concurrencyPerKey: number | null;
  rateLimit: Rate | null;
  rateLimitPerKey: Rate | null;
}

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  default?: Json;
  enum?: Json[];
  const?: Json;
  examples?: Json[];
  anyOf?: JsonSchema[];
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
}

export interface Explanation {
  id: string;
  status: Status;
  reasons: { code: string; message: string; params: Record<string, Json> }[];
}

export interface BulkResult {
  done: string[];
  skipped: { id: string; reason: string }[];
}
