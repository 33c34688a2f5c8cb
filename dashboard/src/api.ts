// Asking the server: one function per route, one error type for what it refuses.

import { signal } from "@preact/signals";
import { parseExact } from "./exact";
import type {
  BindingDetails,
  Bulk,
  BulkResult,
  Cause,
  Explanation,
  Filter,
  Job,
  JobDetails,
  Kind,
  Limits,
  LogLine,
  Me,
  Page,
  Pulse,
  Schedule,
  Stats,
  Ticks,
  Worker,
} from "./types";

const TIMEOUT = 20_000;

/** The server answered, and refused. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** No answer: the network, the server, or what stands before it is down. */
export class Unreachable extends Error {}

/** True once any request was answered 401. */
export const signedOut = signal(false);

export const url = (path: string): string => new URL(`api/${path}`, document.baseURI).href;

async function fetched(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url(path), {
      method,
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT),
      ...init,
    });
  } catch (cause) {
    throw new Unreachable("no answer", { cause });
  }
  if (answer.status >= 502 && answer.status <= 504) throw new Unreachable(`${answer.status}`);
  return answer;
}

async function refusal(answer: Response): Promise<Refused> {
  const body = (await answer.json().catch(() => null)) as {
    error?: { code?: string; message?: string; field?: string };
  } | null;
  const {
    code = "error",
    message = `${answer.status} ${answer.statusText}`,
    field,
  } = body?.error ?? {};
  return new Refused(answer.status, code, message, field ?? null);
}

const ask = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  send(method, path, body === undefined ? undefined : JSON.stringify(body));

async function send<T>(method: string, path: string, body?: string): Promise<T> {
  const answer = await fetched(
    method,
    path,
    body === undefined ? {} : { body, headers: { "Content-Type": "application/json" } },
  );
  if (answer.status === 401 && path !== "login") signedOut.value = true;
  if (!answer.ok) throw await refusal(answer);
  return (answer.status === 204 ? null : parseExact(await answer.text())) as T;
}

let pulseTag = "";
let lastPulse: Pulse | null = null;

/** The pulse; the same object while nothing changed. */
export async function pulse(): Promise<Pulse> {
  const headers: Record<string, string> = lastPulse ? { "If-None-Match": pulseTag } : {};
  const answer = await fetched("GET", "pulse", { headers, cache: "no-store" });
  if (answer.status === 304 && lastPulse) return lastPulse;
  if (answer.status === 401) signedOut.value = true;
  if (!answer.ok) throw await refusal(answer);
  pulseTag = answer.headers.get("ETag") ?? "";
  lastPulse = (await answer.json()) as Pulse;
  return lastPulse;
}

export type BulkAction = "cancel" | "retry" | "run-now" | "delete-many";

const job = (id: string): string => `jobs/${encodeURIComponent(id)}`;

export const me = (): Promise<Me> => ask("GET", "me");
export const login = (token: string): Promise<unknown> => ask("POST", "login", { token });
export const logout = (): Promise<unknown> => ask("POST", "logout");
export const search = (filter: Filter, before: string | null, limit: number): Promise<Page> =>
  ask("POST", "search", { filter, before, limit });
export const details = (id: string): Promise<JobDetails> => ask("GET", job(id));
export const explain = (id: string): Promise<Explanation> => ask("GET", `${job(id)}/explain`);
export const logs = (
  id: string,
  after: number,
): Promise<{ lines: LogLine[]; next: number | null }> =>
  ask("GET", `${job(id)}/logs?after=${after}&limit=1000`);
export const bulk = (action: BulkAction, ids: string[]): Promise<BulkResult> =>
  ask("POST", `jobs/${action}`, { ids });
export const bindings = (): Promise<BindingDetails[]> => ask("GET", "binding-details");

export const stats = (hours: number, binding?: string): Promise<Stats> =>
  ask("GET", `stats?hours=${hours}${binding ? `&binding=${encodeURIComponent(binding)}` : ""}`);
const binding = (name: string): string => `bindings/${encodeURIComponent(name)}`;
export const workers = (): Promise<Worker[]> => ask("GET", "workers");
export const switchBinding = (name: string, to: "pause" | "resume"): Promise<BindingDetails> =>
  ask("POST", `${binding(name)}/${to}`);
/** Take back what was lost, if it was this job, or any. */
export const recover = (id?: string): Promise<{ count: number }> =>
  ask("POST", "recover", id && { id });
export const deadJobs = (): Promise<Job[]> => ask("GET", "dead-jobs");
export const failures = (hours: number): Promise<Cause[]> =>
  ask("GET", `failures?hours=${hours}&limit=100`);
export const bulks = (before: string | null): Promise<{ actions: Bulk[]; next: string | null }> =>
  ask("GET", `actions?limit=50${before ? `&before=${before}` : ""}`);
export const begin = (kind: Kind, filter: Filter): Promise<Bulk> =>
  ask("POST", "actions", { kind, filter });
export const abort = (id: string): Promise<Bulk> => ask("POST", `actions/${id}/abort`);
const schedule = (name: string): string => `schedules/${encodeURIComponent(name)}`;
export const schedules = (): Promise<Schedule[]> => ask("GET", "schedules");
export const switchSchedule = (name: string, to: "pause" | "resume"): Promise<Schedule> =>
  ask("POST", `${schedule(name)}/${to}`);
export const runSchedule = (name: string): Promise<JobDetails> =>
  ask("POST", `${schedule(name)}/run`);
export const nextTimes = (name: string): Promise<Ticks> =>
  ask("GET", `${schedule(name)}/next?number=5`);
/** When a schedule would run, were it made now. */
export const ticks = (when: Record<string, string>): Promise<Ticks> =>
  ask("GET", `ticks?${new URLSearchParams(when).toString()}`);
export const createSchedule = (asked: Asked): Promise<Schedule> =>
  send("POST", "schedules", asText(asked));
export const editSchedule = (name: string, asked: Asked): Promise<Schedule> =>
  send("PATCH", schedule(name), asText(asked));
export const deleteSchedule = (name: string): Promise<unknown> => ask("DELETE", schedule(name));
export const limit = (name: string, limits: Limits): Promise<BindingDetails> =>
  ask("POST", `${binding(name)}/limit`, limits);
export const resetLimits = (name: string): Promise<BindingDetails> =>
  ask("POST", `${binding(name)}/reset-limits`);
export const count = (filter: Filter): Promise<{ count: number; exact: boolean }> =>
  ask("POST", "count", { filter });

/** Fields of a request; `payload` is JSON text, which arrives exactly as written. */
export type Asked = Record<string, unknown> & { payload?: string };

const asText = ({ payload, ...rest }: Asked): string => {
  const fields = JSON.stringify(rest).slice(1, -1);
  const exact = payload === undefined ? "" : `"payload":${payload}`;
  return `{${[fields, exact].filter(Boolean).join(",")}}`;
};

export const enqueue = (asked: Asked): Promise<JobDetails> =>
  send("POST", "enqueue", asText(asked));
export const rawUrl = (id: string): string => url(job(id));
