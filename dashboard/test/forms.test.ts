import { describe, expect, it } from "vitest";
import { filled, params, problems } from "../src/draft";
import { filledLimits, limitChanges, limitProblems, type LimitForm } from "../src/limitform";
import { changed, created, filledSchedule, scheduleProblems, when } from "../src/scheduleform";
import { fieldsOf } from "../src/schema";
import type { Limits, Params, Schedule } from "../src/types";

const ID = "01900000-0000-7000-8000-000000000001";
const OTHER = "01900000-0000-7000-8000-000000000002";

describe("a job's options", () => {
  const given = (more = {}) => params({ ...filled("A", {}), ...more });

  it("after others", () => {
    expect(given({ after: ` ${ID.toUpperCase()}, ${OTHER}\n`, afterFailed: "run" })).toEqual({
      after: [ID, OTHER],
      afterFailed: "run",
    });
    expect(given({ after: " ", afterFailed: "run" })).toEqual({});
    expect(problems({ ...filled("A", {}), after: `${ID} 7` })).toEqual(["after"]);
  });

  it("unique, by whatever is given", () => {
    expect(given({ unique: "" })).toEqual({});
    expect(given({ unique: "no" })).toEqual({ unique: false });
    expect(given({ unique: "yes" })).toEqual({ unique: true });
    expect(
      given({
        unique: "yes",
        uniqueKey: "k",
        by: "payload.a, payload.b",
        within: "60",
        states: "pending completed",
        onConflict: "replace",
      }),
    ).toEqual({
      unique: {
        key: "k",
        by: ["payload.a", "payload.b"],
        within: 60,
        states: ["PENDING", "COMPLETED"],
        onConflict: "replace",
      },
    });
    expect(problems({ ...filled("A", {}), states: "DONE" })).toEqual(["states"]);
    expect(problems({ ...filled("A", {}), within: "0" })).toEqual(["within"]);
  });

  it.each<Params>([
    { concurrencyKey: "tenant-7" },
    { after: [ID, OTHER], afterFailed: "wait" },
    { unique: true },
    { unique: false },
    { unique: { by: ["payload.user.id"], states: ["PENDING", "PROCESSING"] } },
    { unique: { key: "digest", within: 3600, onConflict: "raise" } },
  ])("%j come back as they were", (options) => {
    expect(params(filled("A", {}, options))).toEqual(options);
  });

  it("leave out the parts of a rule that are null", () => {
    const stored = { unique: { key: null, by: ["payload.a"], within: null } };
    expect(params(filled("A", {}, stored))).toEqual({ unique: { by: ["payload.a"] } });
  });
});

const SCHEDULE: Schedule = {
  name: "digest",
  binding: "SEND_MAIL",
  cron: "0 9 * * 1-5",
  tz: "Asia/Tokyo",
  every: null,
  payload: { to: "ann" },
  params: { maxRetries: 4 },
  missed: "once",
  overlap: true,
  declared: false,
  paused: false,
  nextAt: null,
  lastTickAt: null,
  lastJob: null,
};

describe("a schedule", () => {
  it("is made by the clock or by an interval", () => {
    const form = { ...filledSchedule("UTC"), name: " a ", binding: "B", cron: " 0 9 * * * " };
    expect(created(form)).toEqual({
      name: "a",
      binding: "B",
      cron: "0 9 * * *",
      tz: "UTC",
      payload: "{}",
      params: {},
      missed: "once",
      overlap: true,
    });
    expect(when({ ...form, by: "every", every: "90" })).toEqual({ every: 90 });
  });

  it("is changed in what has changed", () => {
    const before = filledSchedule("UTC", SCHEDULE);
    const now = (more: object) => changed(before, { ...before, ...more });
    expect(now({})).toEqual({});
    expect(now({ tz: "UTC" })).toEqual({ tz: "UTC" });
    expect(now({ by: "every", every: "60" })).toEqual({ every: 60 });
    expect(now({ payload: '{"to": 1}' })).toEqual({ payload: '{"to": 1}' });
    expect(now({ priority: "3" })).toEqual({ params: { maxRetries: 4, priority: 3 } });
    expect(now({ maxRetries: "" })).toEqual({ params: {} });
    expect(now({ missed: "skip", overlap: false })).toEqual({ missed: "skip", overlap: false });
    const beat = filledSchedule("UTC", { ...SCHEDULE, cron: null, tz: null, every: 60 });
    expect(changed(beat, { ...beat, by: "cron", cron: "* * * * *" })).toEqual({
      cron: "* * * * *",
      tz: "UTC",
    });
  });

  it.each([
    [{}, []],
    [{ name: " " }, ["name"]],
    [{ cron: "" }, ["cron"]],
    [{ by: "every" }, ["every"]],
    [{ by: "every", every: "0.5" }, ["every"]],
    [{ payload: "{" }, ["payload"]],
    [{ timeout: "x" }, ["timeout"]],
  ])("with %j is wrong in %j", (more, wrong) => {
    expect(scheduleProblems({ ...filledSchedule("UTC", SCHEDULE), ...more } as never)).toEqual(
      wrong,
    );
  });
});

describe("limits", () => {
  const inForce: Limits = {
    concurrency: 10,
    rateLimit: { limit: 100, per: 60, burst: 20 },
    retryBudget: { failures: 5, probe: 30 },
  };
  const form = (more: Partial<LimitForm> = {}): LimitForm => ({
    ...filledLimits(inForce),
    ...more,
  });

  it("are sent where they differ; an empty field lifts one", () => {
    expect(limitChanges(form(), inForce)).toEqual({});
    expect(
      limitChanges(
        form({
          concurrency: { jobs: "" },
          concurrencyPerKey: { jobs: "2" },
          rateLimit: { limit: "100", per: "60", burst: "" },
          retryBudget: { failures: "", probe: "" },
        }),
        inForce,
      ),
    ).toEqual({
      concurrency: null,
      concurrencyPerKey: 2,
      rateLimit: { limit: 100, per: 60 },
      retryBudget: null,
    });
  });

  it("say what is wrong", () => {
    expect(limitProblems(form())).toEqual([]);
    expect(limitProblems(filledLimits({}))).toEqual([]);
    expect(limitProblems(form({ concurrency: { jobs: "0" } }))).toEqual(["concurrency.jobs"]);
    expect(limitProblems(form({ rateLimit: { limit: "", per: "60" } }))).toEqual([
      "rateLimit.limit",
    ]);
    expect(limitProblems(form({ retryBudget: { failures: "1.5", probe: "soon" } }))).toEqual([
      "retryBudget.failures",
      "retryBudget.probe",
    ]);
  });
});

describe("the fields of a schema", () => {
  it("are said with their types", () => {
    expect(
      fieldsOf({
        type: "object",
        required: ["to", "user"],
        properties: {
          to: { type: "array", items: { type: "string" } },
          cc: { anyOf: [{ type: "string" }, { type: "null" }] },
          kind: { enum: ["a", "b"] },
          user: { $ref: "#/$defs/User" },
          more: {},
        },
      }),
    ).toEqual([
      "to: string[]",
      "cc?: string | null",
      'kind?: "a" | "b"',
      "user: User",
      "more?: any",
    ]);
    const mail = { type: "object", properties: { to: { type: "string" } } };
    expect(fieldsOf({ $ref: "#/$defs/Mail", $defs: { Mail: mail } })).toEqual(["to?: string"]);
    expect(fieldsOf({ type: "integer" })).toEqual(["integer"]);
  });
});
