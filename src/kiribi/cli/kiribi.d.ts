// Written by `kiribi types`: do not edit. In the Worker's environment: `KIRIBI: Kiribi`.

export type JobStatus =
  | "PENDING"
  | "PROCESSING"
  | "RETRY_PENDING"
  | "COMPLETED"
  | "FAILED"
  | "CANCELLED";

/** Options of one job; durations are seconds. */
export interface EnqueueOptions {
  /** Attempts, as in npm kiribi. */
  maxRetries?: number;
  firstDelay?: number;
  at?: Date;
  retryDelay?: number | { exponential: boolean; base: number; cap?: number };
  timeout?: number;
  /** 0 to 9. */
  priority?: number;
  /** A UUIDv7: the same call again finds the same job. */
  id?: string;
  /** No second job of the binding with the same key; true: with the same payload. */
  unique?: boolean | Unique;
  /** Jobs of the binding with the same key run one at a time. */
  concurrencyKey?: string;
  /** Ids of jobs to wait for: it runs once all of them have COMPLETED. */
  after?: string | string[];
  /** If one of these ends otherwise; "cancel" if not given. */
  afterFailed?: "cancel" | "run" | "wait";
}

export interface Unique {
  key?: string;
  /** Fields of the payload that make the key, such as `payload.userId`. */
  by?: string[];
  /** Seconds. */
  within?: number;
  states?: JobStatus[];
  onConflict?: "return" | "raise" | "replace" | "reschedule";
}

export interface Job {
  id: string;
  binding: string;
  status: JobStatus;
  attempts: number;
  failures: number;
  crashes: number;
  priority: number;
  createdAt: Date;
  updatedAt: Date;
  dueAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  completedAt: Date | null;
  /** Milliseconds. */
  processingTime: number | null;
  payload: any;
  /** Why it is FAILED. */
  reason: "failed" | "crashed" | null;
  error: JobError | null;
  progress: { fraction: number; message: string } | null;
  worker: string | null;
  cancelRequested: boolean;
  duplicate: boolean;
}

export interface JobError {
  type: string;
  message: string;
  /** Where in one's own code. */
  origin: string | null;
  fingerprint: string | null;
  exit: Exit | null;
}

/** How a process ended. */
export interface Exit {
  signal: string | null;
  code: number | null;
  /** Bytes. */
  peakMemory: number | null;
}

export interface Attempt {
  status: "success" | "failed";
  outcome: "completed" | "failed" | "snoozed" | "cancelled" | "crashed" | "released";
  error: string | null;
  errorType: string | null;
  traceback: string | null;
  exit: Exit | null;
  /** Epoch milliseconds. */
  startedAt: number;
  finishedAt: number;
  processingTime: number;
  attempt: number;
  worker: string | null;
}

export interface JobDetails extends Job {
  params: Record<string, any> | null;
  /** The schedule that made it, and the tick it is for. */
  schedule: string | null;
  tick: Date | null;
  result: Attempt[];
  returnValue: any;
}

export interface Filter {
  binding?: string | string[];
  status?: JobStatus | JobStatus[];
  payload?: Record<string, string | number | boolean | null>;
  error?: string;
  ids?: string[];
  /** Of the last error, as `failures` shows it. */
  fingerprint?: string;
  /** Why it is FAILED. */
  reason?: "failed" | "crashed";
  createdAfter?: Date;
  createdBefore?: Date;
}

export interface Query {
  filter?: Filter;
  sort?: {
    key: "createdAt" | "attempts" | "startedAt" | "finishedAt" | "completedAt" | "processingTime";
    desc: boolean;
  };
  page?: { index: number; size: number };
}

/** A job's unique key. */
export interface UniqueKey {
  key: string | null;
  /** In which statuses, and until when, the job holds it. */
  states: JobStatus[];
  until: Date | null;
  /** Id of the job that holds it now. */
  holder: string | null;
  heldUntil: Date | null;
}

/** Why a job is where it is. */
export interface Reason {
  code: string;
  message: string;
  params: Record<string, any>;
}

export interface Acted {
  done: string[];
  skipped: [id: string, reason: string][];
}

/** What became of one binding's jobs. */
export interface Stats {
  binding: string;
  since: Date;
  seconds: number;
  enqueued: number;
  completed: number;
  failed: number;
  retried: number;
  cancelled: number;
  crashed: number;
  /** Milliseconds, on average and by percentile: from due to begun, from begun to ended. */
  wait: number | null;
  run: number | null;
  waitP50: number | null;
  waitP95: number | null;
  waitP99: number | null;
  runP50: number | null;
  runP95: number | null;
  runP99: number | null;
  /** Of the attempts that ended, 0 to 1. */
  failureRate: number | null;
  /** Jobs completed a second; null of no time. */
  throughput: number | null;
}

/** Failures of one cause. */
export interface Failure {
  fingerprint: string;
  binding: string;
  type: string;
  origin: string | null;
  message: string;
  /** Id of one of the jobs. */
  job: string;
  count: number;
  firstAt: Date;
  lastAt: Date;
}

/** A job and what it waits for; its id is the batch's. */
export interface Batch {
  id: string;
  total: number;
  ended: number;
  /** 0 to 1. */
  progress: number;
  /** How many have which status; "DELETED": removed before they completed. */
  counts: Partial<Record<JobStatus | "DELETED", number>>;
  callback: Job;
}

export interface LogLine {
  seq: number;
  attempt: number;
  at: Date;
  level: string;
  message: string;
}

/** Something done, in steps, to all jobs that a filter matches. */
export interface Action {
  id: string;
  kind: "cancel" | "retry" | "run_now" | "delete";
  filter: Filter;
  who: string;
  status: "RUNNING" | "DONE" | "ABORTED";
  matched: number;
  done: number;
  skipped: number;
  failed: number;
  /** Why one of those skipped or failed was left alone. */
  reason: string | null;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
}

/** Null lifts a limit. */
export interface Limits {
  concurrency?: number | null;
  concurrencyPerKey?: number | null;
  rateLimit?: RateLimit | null;
  rateLimitPerKey?: RateLimit | null;
  /** After so many failures in a row, one job each `probe` seconds is tried. */
  retryBudget?: { failures: number; probe?: number } | null;
}

/** So many starts in `per` seconds (1), `burst` of them at once (1). */
export interface RateLimit {
  limit: number;
  per?: number;
  burst?: number;
}

/** A kind of job. */
export interface Binding {
  name: string;
  defaults: Record<string, any>;
  /** JSON Schema of its payloads. */
  schema: Record<string, any> | null;
  paused: boolean;
  lastSeenAt: Date | null;
  /** Those that hold: the performer's own (`declared`), and over them those set at run time. */
  limits: Limits;
  overrides: Limits;
  declared: Limits;
  breaker: { open: boolean; failures: number; probe: number | null } | null;
}

export interface WorkerInfo {
  id: string;
  host: string;
  pid: number;
  version: string;
  bindings: string[];
  slots: number;
  startedAt: Date;
  alive: boolean;
  /** Milliseconds. */
  lease: number;
  deadReason: string | null;
}

/** What a schedule is made of: either `cron` (and `tz`, an IANA time zone) or `every` (seconds). */
export interface ScheduleParts<P = any> {
  cron?: string;
  tz?: string;
  every?: number;
  payload?: P;
  params?: Pick<
    EnqueueOptions,
    "maxRetries" | "retryDelay" | "timeout" | "priority" | "concurrencyKey"
  >;
  /** What becomes of ticks that nobody fired for over a minute; "once" if not given. */
  missed?: "once" | "all" | "skip";
  /** False: a tick is left out while the job before has not ended. */
  overlap?: boolean;
}

/** A recurring job. */
export interface Schedule {
  name: string;
  binding: string;
  cron: string | null;
  tz: string | null;
  every: number | null;
  payload: any;
  params: Record<string, any> | null;
  missed: "once" | "all" | "skip";
  overlap: boolean;
  /** By a performer's code: it can be paused and run, not edited. */
  declared: boolean;
  paused: boolean;
  nextAt: Date | null;
  lastTickAt: Date | null;
  lastJob: { id: string; status: JobStatus | null } | null;
  createdAt: Date;
}

type Asked = {
  [B in keyof Payloads]: [binding: B, payload: Payloads[B], params?: EnqueueOptions];
}[keyof Payloads];
type Target = string[] | Filter;

/** The manager over a service binding. */
export interface Kiribi {
  enqueue<B extends keyof Payloads>(
    binding: B,
    payload: Payloads[B],
    params?: EnqueueOptions,
  ): Promise<Job>;
  enqueueMany(jobs: Asked[]): Promise<Job[]>;
  /** Many, and a callback job that runs once all of them have ended. */
  enqueueBatch(jobs: Asked[], then: Asked): Promise<Batch>;
  batch(id: string): Promise<Batch>;
  /** Runs a job now, recorded like any other: what it returns. `wait` in seconds, 30 if not given. */
  perform<B extends keyof Payloads>(
    binding: B,
    payload: Payloads[B],
    params?: EnqueueOptions,
    wait?: number,
  ): Promise<any>;
  find(id: string): Promise<JobDetails>;
  findMany(query?: Query): Promise<Job[]>;
  findDeadJobs(): Promise<Job[]>;
  count(filter?: Filter): Promise<number>;
  result(id: string, timeout?: number): Promise<any>;
  cancel(id: string): Promise<JobDetails>;
  cancel(target: Target): Promise<Acted>;
  retry(id: string): Promise<JobDetails>;
  retry(target: Target): Promise<Acted>;
  runNow(id: string): Promise<JobDetails>;
  runNow(target: Target): Promise<Acted>;
  delete(target: string | Target): Promise<Acted>;
  deleteMany(ids: string[]): Promise<Acted>;
  recover(id?: string): Promise<Job[]>;
  sweep(asked?: { olderThan?: Date | number; statuses?: JobStatus[] | "*" }): Promise<number>;
  pause(binding: keyof Payloads): Promise<void>;
  resume(binding: keyof Payloads): Promise<void>;
  limit(binding: keyof Payloads, limits: Limits): Promise<void>;
  resetLimits(binding: keyof Payloads): Promise<void>;
  bindings(): Promise<Binding[]>;
  workers(): Promise<WorkerInfo[]>;
  /** In the background, to any number of jobs; `cancel` and the like are done when they answer. */
  startAction(kind: Action["kind"], filter: Filter, asked?: { who?: string }): Promise<Action>;
  action(id: string): Promise<Action>;
  /** Newest first; 50 if no `limit` is given. */
  actions(asked?: { before?: string; limit?: number }): Promise<Action[]>;
  abort(id: string): Promise<Action>;
  createSchedule<B extends keyof Payloads>(
    name: string,
    binding: B,
    asked: ScheduleParts<Payloads[B]>,
  ): Promise<Schedule>;
  findSchedule(name: string): Promise<Schedule>;
  findSchedules(asked?: { after?: string; limit?: number }): Promise<Schedule[]>;
  /** What is not given stays as it is. */
  editSchedule(name: string, asked: ScheduleParts): Promise<Schedule>;
  deleteSchedule(name: string): Promise<void>;
  pauseSchedule(name: string): Promise<Schedule>;
  resumeSchedule(name: string): Promise<Schedule>;
  /** Enqueues its job now. */
  runSchedule(name: string): Promise<JobDetails>;
  nextTicks(name: string, number?: number): Promise<Date[]>;
  logs(id: string, asked?: { after?: number; limit?: number }): Promise<LogLine[]>;
  uniqueKey(id: string): Promise<UniqueKey | null>;
  explain(id: string): Promise<{ id: string; status: JobStatus; reasons: Reason[] }>;
  /** `hours`: 24 if not given; `bucket`: 60, 3600 or 86400 seconds for a series. */
  stats(asked?: { hours?: number; bucket?: number; bindings?: string[] }): Promise<Stats[]>;
  /** What happened last comes first; 50 if no `limit` is given. */
  failures(asked?: { hours?: number; bindings?: string[]; limit?: number }): Promise<Failure[]>;
}

/** What a performer in TypeScript may do besides returning: the second argument of `perform`. */
export interface Context {
  job: { id: string; binding: string; attempts: number };
  /** Seconds. */
  timeout: number | null;
  log(message: string, level?: string): Promise<void>;
  progress(fraction: number, message?: string): Promise<void>;
  cancelled(): Promise<boolean>;
}
