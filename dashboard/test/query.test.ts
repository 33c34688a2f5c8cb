import { describe, expect, it } from "vitest";
import { format, instant, parse, suggest, toFilter, withTerm } from "../src/query";

const NOW = Date.UTC(2026, 8, 1, 12);
const ID = "01991234-5678-7abc-8def-0123456789ab";
const filter = (text: string) => toFilter(parse(text), NOW);

describe("parse", () => {
  it.each([
    ["", {}],
    ["   ", {}],
    ["status:FAILED", { status: ["FAILED"] }],
    ["Status:failed,cancelled", { status: ["FAILED", "CANCELLED"] }],
    ["status:FAILED status:PENDING", { status: ["FAILED", "PENDING"] }],
    ["binding:SEND_MAIL,Other", { binding: ["SEND_MAIL", "Other"] }],
    ["payload.user.id:42", { payload: { "user.id": 42 } }],
    ['payload.user.id:"42"', { payload: { "user.id": "42" } }],
    ["payload.ok:true payload.gone:null", { payload: { ok: true, gone: null } }],
    ["payload.at:2026-01-01T10:00", { payload: { at: "2026-01-01T10:00" } }],
    [
      "payload.n:1e999 payload.m:18446744073709551616",
      { payload: { n: "1e999", m: "18446744073709551616" } },
    ],
    ["payload.list:[1]", { payload: { list: "[1]" } }],
    ['error:"no \\"route\\" to \\\\ host"', { error: 'no "route" to \\ host' }],
    ['error:"still typing', { error: "still typing" }],
    ['"" refused', { error: "refused" }],
    ["connection refused", { error: "connection refused" }],
    ["KeyError: user", { error: "KeyError: user" }],
    ["https://example.com/a", { error: "https://example.com/a" }],
    ["timed out status:FAILED", { error: "timed out", status: ["FAILED"] }],
    [`id:${ID}`, { ids: [ID] }],
    [ID.toUpperCase(), { ids: [ID] }],
    ["reason:Crashed", { reason: "crashed" }],
    ["after:1h", { createdAfter: "2026-09-01T11:00:00.000Z" }],
    [
      "after:2026-08-01T00:00Z before:2d",
      {
        createdAfter: "2026-08-01T00:00:00.000Z",
        createdBefore: "2026-08-30T12:00:00.000Z",
      },
    ],
  ])("%s", (text, wanted) => {
    expect(filter(text)).toEqual(wanted);
  });

  it.each([
    ["stauts:FAILED", "key"],
    ["payload.:1", "key"],
    ["status:DONE", "status"],
    ["status:FAILED,DONE", "status"],
    ["id:123", "id"],
    ["reason:bad", "reason"],
    ["after:yesterday", "time"],
    ["before:2026-99-99", "time"],
    ["after:99999999999d", "time"],
    ['""', "empty"],
    ["binding:", "empty"],
    ['error:""', "empty"],
  ])("%s is shown with its problem and not asked for", (text, problem) => {
    expect(parse(text)).toHaveLength(1);
    expect(parse(text)[0]?.problem).toBe(problem);
    expect(filter(text)).toEqual({});
  });

  it("asks for large numbers by all their digits", () => {
    const asked = JSON.stringify(filter("payload.n:9007199254740993"));
    expect(asked).toBe('{"payload":{"n":9007199254740993}}');
  });

  it("never loses a character it cannot read", () => {
    for (const text of ['"', ":", "::", 'a:"b', "payload", '"" ""', "\\", "status:"])
      expect(format(parse(text))).toBe(format(parse(format(parse(text)))));
  });
});

describe("format", () => {
  it.each([
    "status:FAILED,PENDING binding:SEND_MAIL",
    'error:"no route" after:1h',
    'payload.user.id:42 payload.name:"42"',
    'error:"say \\"hi\\""',
  ])("%s comes back as it was", (text) => {
    expect(format(parse(text))).toBe(text);
  });
});

describe("withTerm", () => {
  it("replaces a filter, and takes it away", () => {
    const terms = parse("status:FAILED binding:A");
    expect(format(withTerm(terms, "status", "PENDING"))).toBe("binding:A status:PENDING");
    expect(format(withTerm(terms, "status", null))).toBe("binding:A");
  });
});

describe("instant", () => {
  it("reads dates without a time as local midnight", () => {
    expect(instant("2026-09-01", NOW)).toBe(new Date(2026, 8, 1).getTime());
    expect(instant("today", new Date(2026, 8, 1, 17, 30).getTime())).toBe(
      new Date(2026, 8, 1).getTime(),
    );
  });
});

describe("suggest", () => {
  const texts = (draft: string) => suggest(draft, ["SEND_MAIL", "BILLING"]).map(({ text }) => text);

  it("offers filters, then their values", () => {
    expect(texts("sta")).toEqual(["status:"]);
    expect(texts("status:ing")).toEqual([
      "status:PENDING",
      "status:PROCESSING",
      "status:RETRY_PENDING",
    ]);
    expect(texts("status:FAILED,can")).toEqual(["status:FAILED,CANCELLED"]);
    expect(texts("binding:b")).toEqual(["binding:BILLING"]);
  });

  it("knows bindings by their name alone", () => {
    expect(texts("mail")).toEqual(["binding:SEND_MAIL"]);
  });

  it("keeps what was typed before", () => {
    expect(texts("refused bind")).toEqual(["refused binding:"]);
  });

  it("is quiet within a quoted text, and where nothing is left to say", () => {
    expect(texts('error:"sta')).toEqual([]);
    expect(texts("status:FAILED")).toEqual([]);
  });
});
