// The forms of jobs: text fields to what the server is asked, or what is wrong with them.

import { jsonStop } from "./jsonerror";
import {
  STATUSES,
  type AfterFailed,
  type Json,
  type Params,
  type Status,
  type Unique,
} from "./types";

export type NumberField =
  "maxRetries" | "firstDelay" | "retryDelay" | "cap" | "timeout" | "priority" | "within";

/** The options that every job can have, also those of a schedule. */
export interface Options {
  maxRetries: string;
  retryDelay: string;
  exponential: boolean;
  /** The longest delay that grows. */
  cap: string;
  timeout: string;
  priority: string;
  concurrencyKey: string;
}

export interface Form extends Options {
  binding: string;
  payload: string;
  /** `2026-09-01T09:00` local time, or seconds from now. */
  at: string;
  firstDelay: string;
  /** Ids of jobs. */
  after: string;
  afterFailed: AfterFailed | "";
  /** Empty: as the performer says. */
  unique: "" | "yes" | "no";
  uniqueKey: string;
  /** Fields of the payload. */
  by: string;
  within: string;
  states: string;
  onConflict: NonNullable<Unique["onConflict"]> | "";
}

export type Field = keyof Form;

/** Where a text stops being JSON, by line and column from 1; null where it is JSON. */
export function jsonProblem(text: string): { line: number; column: number } | null {
  const at = jsonStop(text);
  if (at === null) return null;
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

export const pretty = (value: Json): string => JSON.stringify(value, null, 2);

/** A number as a field shows it; empty where there is none. */
export const text = (value: number | null | undefined): string =>
  value === undefined || value === null ? "" : String(value);

export function filledOptions(params: Params): Options {
  const { retryDelay } = params;
  const grows = typeof retryDelay === "object";
  return {
    maxRetries: text(params.maxRetries),
    retryDelay: text(grows ? retryDelay.base : retryDelay),
    exponential: grows,
    cap: text(grows ? retryDelay.cap : undefined),
    timeout: text(params.timeout),
    priority: text(params.priority),
    concurrencyKey: params.concurrencyKey ?? "",
  };
}

export function filled(binding: string, payload: Json | undefined, params: Params = {}): Form {
  const { unique } = params;
  const rule = typeof unique === "object" ? unique : {};
  return {
    ...filledOptions(params),
    binding,
    payload: payload === undefined ? "{}" : pretty(payload),
    at: params.at ?? "",
    firstDelay: text(params.firstDelay),
    after: (params.after ?? []).join(" "),
    afterFailed: params.afterFailed ?? "",
    unique: unique === undefined ? "" : unique === false ? "no" : "yes",
    uniqueKey: rule.key ?? "",
    by: (rule.by ?? []).join(" "),
    within: text(rule.within),
    states: (rule.states ?? []).join(" "),
    onConflict: rule.onConflict ?? "",
  };
}

const YEAR = 31_536_000;

/** Allowed values: from, to, whole numbers only. */
export const RANGES: Record<NumberField, [number, number, boolean]> = {
  maxRetries: [1, 1000, true],
  priority: [0, 9, true],
  timeout: [0.001, YEAR, false],
  retryDelay: [0, YEAR, false],
  cap: [0, YEAR, false],
  firstDelay: [0, YEAR, false],
  within: [0.001, YEAR, false],
};

/** Whether `text` is no number of the range; an empty one is none at all. */
export function misses(text: string, [low, high, whole]: [number, number, boolean]): boolean {
  const value = Number(text);
  return text !== "" && (!(value >= low && value <= high) || (whole && !Number.isInteger(value)));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
const isStatus = (text: string): text is Status => (STATUSES as readonly string[]).includes(text);

const NUMBERS = Object.keys(RANGES) as NumberField[];

/** Fields that cannot be sent as they are. */
export function problems(form: Form): Field[] {
  const wrong: Field[] = NUMBERS.filter((field) => misses(form[field], RANGES[field]));
  if (!form.binding.trim()) wrong.unshift("binding");
  if (jsonProblem(form.payload)) wrong.unshift("payload");
  if (!words(form.after).every((id) => UUID.test(id))) wrong.push("after");
  if (!words(form.states.toUpperCase()).every(isStatus)) wrong.push("states");
  return wrong;
}

/** The options given; empty fields are left to the performer's defaults. */
export function options(form: Options): Params {
  const given: Params = {};
  if (form.maxRetries) given.maxRetries = Number(form.maxRetries);
  if (form.retryDelay)
    given.retryDelay = form.exponential
      ? {
          exponential: true,
          base: Number(form.retryDelay),
          ...(form.cap && { cap: Number(form.cap) }),
        }
      : Number(form.retryDelay);
  if (form.timeout) given.timeout = Number(form.timeout);
  if (form.priority) given.priority = Number(form.priority);
  if (form.concurrencyKey) given.concurrencyKey = form.concurrencyKey;
  return given;
}

/** The options of a job. */
export function params(form: Form): Params {
  const given = options(form);
  if (form.at) given.at = new Date(form.at).toISOString();
  else if (form.firstDelay) given.firstDelay = Number(form.firstDelay);
  const after = words(form.after.toLowerCase());
  if (after.length) {
    given.after = after;
    if (form.afterFailed) given.afterFailed = form.afterFailed;
  }
  if (form.unique) given.unique = form.unique === "yes" && rule(form);
  return given;
}

function rule(form: Form): Unique | true {
  const states = words(form.states.toUpperCase()).filter(isStatus);
  const found: Unique = {
    ...(form.uniqueKey && { key: form.uniqueKey }),
    ...(form.by && { by: words(form.by) }),
    ...(form.within && { within: Number(form.within) }),
    ...(states.length && { states }),
    ...(form.onConflict && { onConflict: form.onConflict }),
  };
  return Object.keys(found).length ? found : true;
}
