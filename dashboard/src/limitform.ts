// The form of a binding's limits: to what the server is asked, only what has changed.

import { misses, text } from "./draft";
import type { Limits } from "./types";

type Range = [number, number, boolean];
const MANY: Range = [1, 1_000_000, true];
const SECONDS: Range = [0.001, 31_536_000, false];

/** The parts of each limit; the first makes it one. */
export const LIMITS = {
  concurrency: { jobs: MANY },
  concurrencyPerKey: { jobs: MANY },
  rateLimit: { limit: MANY, per: SECONDS, burst: MANY },
  rateLimitPerKey: { limit: MANY, per: SECONDS, burst: MANY },
  retryBudget: { failures: MANY, probe: SECONDS },
} as const satisfies Record<keyof Limits, Record<string, Range>>;

export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];
export type LimitPart = "jobs" | "limit" | "per" | "burst" | "failures" | "probe";

/** Texts by limit and part. */
export type LimitForm = Record<LimitName, Partial<Record<LimitPart, string>>>;

export const parts = (name: LimitName): [LimitPart, Range][] =>
  Object.entries(LIMITS[name]) as [LimitPart, Range][];

export const filledLimits = (limits: Limits): LimitForm =>
  Object.fromEntries(
    LIMIT_NAMES.map((name) => {
      const value = limits[name];
      const given = typeof value === "object" ? (value as Record<string, number> | null) : null;
      return [
        name,
        Object.fromEntries(
          parts(name).map(([part]) => [
            part,
            typeof value === "number" ? text(value) : text(given?.[part]),
          ]),
        ),
      ];
    }),
  ) as LimitForm;

/** Parts that are no such number, or without the one that makes the limit; `limit.part`. */
export const limitProblems = (form: LimitForm): string[] =>
  LIMIT_NAMES.flatMap((name) => {
    const all = parts(name);
    const given = all.filter(([part]) => form[name][part]);
    const first = all[0]?.[0] ?? "jobs";
    return all
      .filter(
        ([part, range]) =>
          misses(form[name][part] ?? "", range) ||
          (part === first && !form[name][part] && given.length > 0),
      )
      .map(([part]) => `${name}.${part}`);
  });

function asked(form: LimitForm, name: LimitName): unknown {
  const given = parts(name).filter(([part]) => form[name][part]);
  if (given.length === 0) return null;
  const found = Object.fromEntries(given.map(([part]) => [part, Number(form[name][part])]));
  return "jobs" in found ? found.jobs : found;
}

/** What differs from the limits in force; null lifts one. */
export const limitChanges = (form: LimitForm, inForce: Limits): Limits => {
  const before = filledLimits(inForce);
  return Object.fromEntries(
    LIMIT_NAMES.filter(
      (name) => JSON.stringify(asked(form, name)) !== JSON.stringify(asked(before, name)),
    ).map((name) => [name, asked(form, name)]),
  );
};
