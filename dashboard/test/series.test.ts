import { describe, expect, it } from "vitest";
import { ended, overall, series, successRate } from "../src/series";
import type { Stats, Tally } from "../src/types";

const T = Date.UTC(2026, 8, 1, 12);

const tally = (minute: number, more: Partial<Tally> = {}): Tally => ({
  binding: "A",
  since: new Date(T + minute * 60_000).toISOString(),
  enqueued: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  cancelled: 0,
  crashed: 0,
  wait: null,
  run: null,
  waitP50: null,
  waitP95: null,
  waitP99: null,
  runP50: null,
  runP95: null,
  runP99: null,
  failureRate: null,
  ...more,
});

const stats = (steps: Tally[], bindings: Tally[] = []): Stats => ({
  since: new Date(T + 30_000).toISOString(),
  bucket: 60,
  bindings,
  series: steps,
});

describe("series", () => {
  it("has every step from the first to now, those without a job too", () => {
    const found = series(stats([tally(2, { completed: 3 })]), T + 4 * 60_000);
    expect(found.at.map((at) => at - T / 1000)).toEqual([0, 60, 120, 180, 240]);
    expect(found.completed).toEqual([0, 0, 3, 0, 0]);
    expect(found.wait).toEqual([null, null, null, null, null]);
  });

  it("adds bindings up; a lost worker is a failure", () => {
    const found = series(
      stats([tally(0, { enqueued: 2, failed: 1 }), tally(0, { binding: "B", crashed: 2 })]),
      T,
    );
    expect(found).toMatchObject({ enqueued: [2], failed: [3] });
  });

  it("weighs means by how many they are of", () => {
    const slow = tally(0, { completed: 1, wait: 900, run: 100 });
    const quick = tally(0, { binding: "B", completed: 8, failed: 1, wait: 0 });
    expect(series(stats([slow, quick]), T).wait).toEqual([90]);
    expect(series(stats([slow, quick]), T).run).toEqual([100]);
    expect(overall(stats([], [slow, quick]), "wait")).toBe(90);
  });

  it("counts an attempt that waited and has not ended", () => {
    expect(series(stats([tally(0, { wait: 50 })]), T).wait).toEqual([50]);
  });
});

it("says how many attempts succeeded", () => {
  expect(ended(tally(0, { completed: 1, failed: 2, crashed: 3 }))).toBe(6);
  expect(successRate(tally(0, { failureRate: 0.25 }))).toBe(0.75);
  expect(successRate(tally(0))).toBeNull();
});
