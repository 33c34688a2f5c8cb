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

type Target = string[] | Filter;

/** The manager over a service binding. */
export interface Kiribi {
  enqueue<B extends keyof Payloads>(
    binding: B,
    payload: Payloads[B],
    params?: EnqueueOptions,
  ): Promise<Job>;
  enqueueMany(
    jobs: { [B in keyof Payloads]: [B, Payloads[B], EnqueueOptions?] }[keyof Payloads][],
  ): Promise<Job[]>;
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
