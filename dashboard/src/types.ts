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
  concurrencyKey?: string;
  after?: string[];
  afterFailed?: AfterFailed;
  unique?: boolean | Unique;
}

export const AFTER_FAILED = ["cancel", "run", "wait"] as const;
export type AfterFailed = (typeof AFTER_FAILED)[number];
export const ON_CONFLICT = ["return", "raise", "replace", "reschedule"] as const;

export interface Unique {
  key?: string | null;
  by?: string[];
  within?: number | null;
  states?: Status[];
  onConflict?: (typeof ON_CONFLICT)[number];
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
  /** Of a process that died; peak memory in bytes. */
  exit: { signal: string | null; code: number | null; peakMemory: number | null } | null;
  processingTime: number;
  attempt: number;
  worker: string | null;
}

export interface JobDetails extends Job {
  params: Params | null;
  /** Its key, who holds it, and until when; null: it is not unique. */
  uniqueKey: { key: string | null; holder: string | null; heldUntil: string | null } | null;
  /** The name of the one that made it. */
  schedule: string | null;
  result: Attempt[];
  returnValue: Json;
}

/** Why a job is FAILED: it failed, or what ran it was lost too often. */
export const REASONS = ["failed", "crashed"] as const;
export type Reason = (typeof REASONS)[number];

export interface Filter {
  binding?: string[];
  status?: Status[];
  payload?: Record<string, Json>;
  error?: string;
  createdAfter?: string;
  createdBefore?: string;
  ids?: string[];
  fingerprint?: string;
  reason?: Reason;
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
  waitP50: number | null;
  waitP95: number | null;
  waitP99: number | null;
  runP50: number | null;
  runP95: number | null;
  runP99: number | null;
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

export const MISSED = ["once", "all", "skip"] as const;
export type Missed = (typeof MISSED)[number];

/** Ticks to come, of a clock in `tz`; null: of an interval. */
export interface Ticks {
  tz: string | null;
  times: string[];
}

export interface Schedule {
  name: string;
  binding: string;
  cron: string | null;
  tz: string | null;
  /** Seconds. */
  every: number | null;
  payload: Json;
  params: Params | null;
  missed: Missed;
  overlap: boolean;
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
  /** In force, set at run time, and the performer's own. */
  limits?: Limits;
  overrides?: Limits;
  declared?: Limits;
  breaker?: { open: boolean; failures: number; probe: number | null } | null;
}

/** `per` in seconds. */
export interface Rate {
  limit: number;
  per?: number;
  burst?: number;
}

/** What is not there does not limit; null: lifted. */
export interface Limits {
  concurrency?: number | null;
  concurrencyPerKey?: number | null;
  rateLimit?: Rate | null;
  rateLimitPerKey?: Rate | null;
  /** `probe` in seconds. */
  retryBudget?: { failures: number; probe?: number } | null;
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
  items?: JsonSchema;
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
