// The new-job form: text fields to what the server is asked, or what is wrong with them.

import { jsonStop } from "./jsonerror";
import type { Json, Params, RetryDelay } from "./types";

export type NumberField =
  "maxRetries" | "firstDelay" | "retryDelay" | "cap" | "timeout" | "priority";

export interface Form {
  binding: string;
  payload: string;
  maxRetries: string;
  retryDelay: string;
  exponential: boolean;
  /** The longest delay that grows. */
  cap: string;
  /** `2026-09-01T09:00` local time, or seconds from now. */
  at: string;
  firstDelay: string;
  timeout: string;
  priority: string;
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

const text = (value: number | undefined): string => (value === undefined ? "" : String(value));

export function filled(binding: string, payload: Json | undefined, params: Params = {}): Form {
  const { retryDelay, at } = params;
  const exponential = typeof retryDelay === "object";
  return {
    binding,
    payload: payload === undefined ? "{}" : pretty(payload),
    maxRetries: text(params.maxRetries),
    retryDelay: typeof retryDelay === "object" ? text(retryDelay.base) : text(retryDelay),
    exponential,
    cap: text(exponential ? retryDelay.cap : undefined),
    at: at ?? "",
    firstDelay: text(params.firstDelay),
    timeout: text(params.timeout),
    priority: text(params.priority),
  };
}

/** Allowed values: from, to, whole numbers only. */
export const RANGES: Record<NumberField, [number, number, boolean]> = {
  maxRetries: [1, 1000, true],
  priority: [0, 9, true],
  timeout: [0.001, 31_536_000, false],
  retryDelay: [0, 31_536_000, false],
  cap: [0, 31_536_000, false],
  firstDelay: [0, 31_536_000, false],
};

/** Fields that cannot be sent as they are. */
export function problems(form: Form): Field[] {
  const wrong = (Object.keys(RANGES) as NumberField[]).filter((field) => {
    if (form[field] === "") return false;
    const value = Number(form[field]);
    const [low, high, whole] = RANGES[field];
    return !(value >= low && value <= high) || (whole && !Number.isInteger(value));
  });
  return [
    ...(form.binding.trim() ? [] : (["binding"] as const)),
    ...(jsonProblem(form.payload) ? (["payload"] as const) : []),
    ...wrong,
  ];
}

/** The options given; empty fields are left to the performer's defaults. */
export function params(form: Form): Params {
  const given: Params = {};
  if (form.maxRetries) given.maxRetries = Number(form.maxRetries);
  if (form.retryDelay) given.retryDelay = delay(form);
  if (form.at) given.at = new Date(form.at).toISOString();
  else if (form.firstDelay) given.firstDelay = Number(form.firstDelay);
  if (form.timeout) given.timeout = Number(form.timeout);
  if (form.priority) given.priority = Number(form.priority);
  return given;
}

const delay = ({ retryDelay, exponential, cap }: Form): RetryDelay =>
  exponential
    ? { exponential: true, base: Number(retryDelay), ...(cap && { cap: Number(cap) }) }
    : Number(retryDelay);
