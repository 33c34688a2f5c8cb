import { describe, expect, it } from "vitest";
import { allows, narrowed, path } from "../src/lifecycle";
import { percent, timeline } from "../src/timeline";
import type { Attempt, JobDetails, Outcome, Status } from "../src/types";

const attempt = (number: number, outcome: Outcome, from = 0, to = 10): Attempt => ({
  outcome,
  error: null,
  errorType: null,
  traceback: null,
  exit: null,
  startedAt: from,
  finishedAt: to,
  processingTime: to - from,
  attempt: number,
  worker: null,
});
const edges = (status: Status, ...outcomes: Outcome[]) =>
  [
    ...path({
      status,
      attempts: outcomes.length,
      result: outcomes.map((each, i) => attempt(i + 1, each)),
    }),
  ].sort();

describe("path", () => {
  it.each<[Status, Outcome[], string[]]>([
    ["PENDING", [], []],
    ["PROCESSING", [], ["PENDING>PROCESSING"]],
    ["CANCELLED", [], ["PENDING>CANCELLED"]],
    ["COMPLETED", ["completed"], ["PENDING>PROCESSING", "PROCESSING>COMPLETED"]],
    ["FAILED", ["failed"], ["PENDING>PROCESSING", "PROCESSING>FAILED"]],
    ["RETRY_PENDING", ["crashed"], ["PENDING>PROCESSING", "PROCESSING>RETRY_PENDING"]],
    ["PENDING", ["snoozed"], ["PENDING>PROCESSING", "PROCESSING>PENDING"]],
    ["CANCELLED", ["cancelled"], ["PENDING>PROCESSING", "PROCESSING>CANCELLED"]],
    [
      "CANCELLED",
      ["failed"],
      ["PENDING>PROCESSING", "PROCESSING>RETRY_PENDING", "RETRY_PENDING>CANCELLED"],
    ],
    [
      "FAILED",
      ["failed", "failed"],
      [
        "PENDING>PROCESSING",
        "PROCESSING>FAILED",
        "PROCESSING>RETRY_PENDING",
        "RETRY_PENDING>PROCESSING",
      ],
    ],
    ["PROCESSING", ["completed"], ["PENDING>PROCESSING", "PROCESSING>COMPLETED"]],
  ])("%s after %j", (status, outcomes, wanted) => {
    expect(edges(status, ...outcomes)).toEqual(wanted);
  });
});

describe("allows", () => {
  const can = (status: Status, cancelRequested = false) =>
    (["retry", "runNow", "cancel", "delete"] as const).filter((action) =>
      allows({ status, cancelRequested }, action),
    );

  it("offers what the server would do", () => {
    expect(can("PENDING")).toEqual(["runNow", "cancel", "delete"]);
    expect(can("RETRY_PENDING")).toEqual(["runNow", "cancel", "delete"]);
    expect(can("PROCESSING")).toEqual(["cancel"]);
    expect(can("PROCESSING", true)).toEqual([]);
    for (const status of ["COMPLETED", "FAILED", "CANCELLED"] as const)
      expect(can(status)).toEqual(["retry", "delete"]);
  });
});

describe("timeline", () => {
  const iso = (ms: number) => new Date(ms).toISOString();
  const job = (more: Partial<JobDetails>): JobDetails =>
    ({
      createdAt: iso(1000),
      dueAt: iso(1000),
      startedAt: null,
      attempts: 0,
      result: [],
      ...more,
    }) as JobDetails;

  it("runs from the enqueue to the end of the last attempt", () => {
    const line = timeline(
      job({
        status: "COMPLETED",
        attempts: 2,
        result: [attempt(1, "failed", 2000, 3000), attempt(2, "completed", 5000, 6000)],
      }),
      99_000,
    );
    expect([line.from, line.to, line.next]).toEqual([1000, 6000, null]);
    expect(line.stretches.map(({ from, start, end }) => [from, start, end])).toEqual([
      [1000, 2000, 3000],
      [3000, 5000, 6000],
    ]);
    expect(percent(line, 3500)).toBe(50);
  });

  it("shows the running attempt up to now", () => {
    const line = timeline(job({ status: "PROCESSING", attempts: 1, startedAt: iso(2000) }), 4000);
    expect(line.stretches[0]).toMatchObject({
      number: 1,
      from: 1000,
      start: 2000,
      end: 4000,
      attempt: null,
    });
    expect(line.to).toBe(4000);
  });

  it("reaches to the next run", () => {
    const line = timeline(
      job({
        status: "RETRY_PENDING",
        attempts: 1,
        dueAt: iso(9000),
        result: [attempt(1, "failed", 2000, 3000)],
      }),
      4000,
    );
    expect([line.next, line.to]).toEqual([9000, 9000]);
  });

  it("plans no run of a job that waits for others", () => {
    const line = timeline(job({ status: "PENDING", dueAt: "9999-12-31T23:59:59.999Z" }), 4000);
    expect([line.next, line.to]).toEqual([null, 4000]);
  });

  it("says how many attempts are no longer kept, and does not guess their times", () => {
    const line = timeline(
      job({ status: "FAILED", attempts: 25, result: [attempt(6, "failed", 50_000, 51_000)] }),
      0,
    );
    expect(line.forgotten).toBe(5);
    expect(line.from).toBe(50_000);
  });
});

describe("narrowed", () => {
  it.each([
    ["retry", undefined, ["FAILED", "CANCELLED"]],
    ["retry", ["COMPLETED", "PENDING"], ["COMPLETED"]],
    ["runNow", undefined, ["PENDING", "RETRY_PENDING"]],
    ["cancel", ["PROCESSING", "FAILED"], ["PROCESSING"]],
    ["delete", undefined, ["PENDING", "RETRY_PENDING", "COMPLETED", "FAILED", "CANCELLED"]],
  ] as const)("%s of %s", (action, status, left) => {
    const filter = { binding: ["A"], ...(status && { status: [...status] }) };
    expect(narrowed(filter, action)).toEqual({ binding: ["A"], status: left });
  });

  it("is nothing where no status allows it", () => {
    expect(narrowed({ status: ["PROCESSING"] }, "delete")).toBeNull();
  });
});
