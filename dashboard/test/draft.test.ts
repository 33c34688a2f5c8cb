import { describe, expect, it } from "vitest";
import { filled, jsonProblem, params, problems } from "../src/draft";
import { jsonStop } from "../src/jsonerror";
import { skeleton } from "../src/schema";

const form = (more = {}) => ({ ...filled("A", {}), ...more });

describe("jsonProblem", () => {
  it("says where", () => {
    expect(jsonProblem('{"a": 1}')).toBeNull();
    expect(jsonProblem('{\n  "a": x\n}')).toEqual({ line: 2, column: 8 });
    expect(jsonProblem('{"a": ')).toEqual({ line: 1, column: 7 });
    expect(jsonProblem("[1,\n2,\n]")).toEqual({ line: 3, column: 1 });
    expect(jsonProblem('{"a": 1} x')).toEqual({ line: 1, column: 10 });
    expect(jsonProblem("")).toEqual({ line: 1, column: 1 });
  });
});

describe("jsonStop", () => {
  const texts = [
    '{"a":[1,-2.5e3,true,null,"\\u00e9\\n"],"b":{}}',
    " [] ",
    "0",
    '""',
    "01",
    "[1 2]",
    "{a:1}",
    "'a'",
    "[",
    '"\n"',
    "nul",
    "NaN",
    "1.",
    '{"a" 1}',
    "",
  ];
  it.each(texts)("agrees with the browser on %j", (text) => {
    const parses = (() => {
      try {
        return JSON.parse(text) !== undefined;
      } catch {
        return false;
      }
    })();
    expect(jsonStop(text) === null).toBe(parses);
  });
});

describe("params", () => {
  it("sends only what was given", () => {
    expect(params(form())).toEqual({});
    expect(params(form({ maxRetries: "5", timeout: "1.5", priority: "0" }))).toEqual({
      maxRetries: 5,
      timeout: 1.5,
      priority: 0,
    });
  });

  it("lets a delay grow, and prefers a time to a delay", () => {
    expect(params(form({ retryDelay: "2", exponential: true }))).toEqual({
      retryDelay: { exponential: true, base: 2 },
    });
    expect(params(form({ at: "2026-09-01T09:00Z", firstDelay: "5" }))).toEqual({
      at: "2026-09-01T09:00:00.000Z",
    });
  });

  it("comes back from a job's options", () => {
    const retryDelay = { exponential: true, base: 3, cap: 60 };
    const options = { maxRetries: 4, retryDelay, timeout: 9 };
    expect(params(filled("A", {}, options))).toEqual(options);
  });
});

describe("problems", () => {
  it.each([
    [{}, []],
    [{ binding: " " }, ["binding"]],
    [{ payload: "{" }, ["payload"]],
    [{ maxRetries: "0" }, ["maxRetries"]],
    [{ maxRetries: "1.5" }, ["maxRetries"]],
    [{ priority: "10" }, ["priority"]],
    [{ timeout: "-1" }, ["timeout"]],
    [{ timeout: "soon" }, ["timeout"]],
    [{ firstDelay: "0" }, []],
  ])("%j", (more, wanted) => {
    expect(problems(form(more))).toEqual(wanted);
  });
});

describe("skeleton", () => {
  it("fills in what is required or has a default, through references", () => {
    expect(
      skeleton({
        type: "object",
        required: ["to", "user", "kind"],
        properties: {
          to: { type: "string" },
          cc: { type: "string" },
          bcc: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
          delay: { type: "integer", default: 3000 },
          user: { $ref: "#/$defs/User" },
          kind: { enum: ["a", "b"] },
        },
        $defs: {
          User: { type: "object", required: ["id"], properties: { id: { type: "integer" } } },
        },
      }),
    ).toEqual({ to: "", delay: 3000, user: { id: 0 }, kind: "a" });
  });

  it("ends where a schema contains itself", () => {
    const schema = {
      $ref: "#/$defs/Node",
      $defs: {
        Node: {
          type: "object",
          required: ["next"],
          properties: { next: { $ref: "#/$defs/Node" } },
        },
      },
    };
    expect(JSON.stringify(skeleton(schema)).length).toBeLessThan(200);
  });
});
