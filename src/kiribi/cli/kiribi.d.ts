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
  error: { type: string; message: string } | null;
  progress: { fraction: number; message: string } | null;
  worker: string | null;
  cancelRequested: boolean;
  duplicate: boolean;
}

export interface Attempt {
  status: "success" | "failed";
  outcome: "completed" | "failed" | "snoozed" | "cancelled" | "crashed" | "released";
  error: string | null;
  errorType: string | null;
  traceback: string | null;
  /** Epoch milliseconds. */
  startedAt: number;
  finishedAt: number;
  processingTime: number;
  attempt: number;
  worker: string | null;
}

export interface JobDetails extends Job {
  params: Record<string, any> | null;
  result: Attempt[];
  returnValue: any;
}

export interface Filter {
  binding?: string | string[];
  status?: JobStatus | JobStatus[];
  payload?: Record<string, string | number | boolean | null>;
  error?: string;
  ids?: string[];
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

export interface Acted {
  done: string[];
  skipped: [id: string, reason: string][];
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
  explain(id: string): Promise<{ id: string; status: JobStatus; reasons: object[] }>;
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
