// From the server's statistics to lines of a chart, and to sums in words.

import type { Stats, Tally } from "./types";

export interface Series {
  /** The beginning of each step, epoch seconds. */
  at: number[];
  enqueued: number[];
  completed: number[];
  /** Attempts that failed or lost their worker. */
  failed: number[];
  /** Mean milliseconds that attempts waited and ran; null where none did. */
  wait: (number | null)[];
  run: (number | null)[];
}

/** Attempts that ended. */
export const ended = (tally: Tally): number => tally.completed + tally.failed + tally.crashed;

/** The mean of means, weighted by how many each is of; null of none. */
function mean(tallies: readonly Tally[], of: "wait" | "run"): number | null {
  let sum = 0;
  let count = 0;
  for (const each of tallies) {
    const value = each[of];
    if (value === null) continue;
    // an attempt that still runs has waited, but has not ended
    const weight = Math.max(1, ended(each));
    sum += value * weight;
    count += weight;
  }
  return count ? sum / count : null;
}

const total = (tallies: readonly Tally[], of: (tally: Tally) => number): number =>
  tallies.reduce((sum, each) => sum + of(each), 0);

/** All bindings together, step by step from the first to `now`; steps without a job are there. */
export function series({ since, bucket, series: steps }: Stats, now: number): Series {
  const step = bucket * 1000;
  const start = (ms: number): number => Math.floor(ms / step) * step;
  const byStep = new Map<number, Tally[]>();
  for (const tally of steps) {
    const at = start(Date.parse(tally.since));
    byStep.set(at, [...(byStep.get(at) ?? []), tally]);
  }
  const found: Series = { at: [], enqueued: [], completed: [], failed: [], wait: [], run: [] };
  for (let at = start(Date.parse(since)); at <= now; at += step) {
    const tallies = byStep.get(at) ?? [];
    found.at.push(at / 1000);
    found.enqueued.push(total(tallies, (each) => each.enqueued));
    found.completed.push(total(tallies, (each) => each.completed));
    found.failed.push(total(tallies, (each) => each.failed + each.crashed));
    found.wait.push(mean(tallies, "wait"));
    found.run.push(mean(tallies, "run"));
  }
  return found;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Of the attempts that ended, those that completed: 0 to 1; null of none. */
export const successRate = ({ failureRate }: Tally): number | null =>
  failureRate === null ? null : 1 - failureRate;

/** The sums of the whole time, by binding. */
export const byBinding = (stats: Stats | null): Map<string, Tally> =>
  new Map(stats?.bindings.map((tally) => [tally.binding, tally]));

/** Means over all bindings of the whole time. */
export const overall = (stats: Stats, of: "wait" | "run"): number | null =>
  mean(stats.bindings, of);
