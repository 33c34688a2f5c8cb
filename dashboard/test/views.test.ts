// @vitest-environment node
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("document", { baseURI: "http://kiribi/ops/", addEventListener: () => undefined });
vi.stubGlobal("location", { pathname: "/ops/jobs", search: "" });
vi.stubGlobal("navigator", { languages: ["en"] });
const { readViews, viewHref, withView } = await import("../src/views");

describe("stored views", () => {
  it.each([null, "", "{", "null", "{}", '"x"', "[1, null, {}]", '[{"name": 1, "query": ""}]'])(
    "are none in %j",
    (stored) => {
      expect(readViews(stored)).toEqual([]);
    },
  );
  it("come back", () => {
    const stored = [{ name: "mine", query: "status:FAILED" }];
    expect(readViews(JSON.stringify(stored))).toEqual(stored);
  });
  it("have one of each name", () => {
    const mine = { name: "mine", query: "a" };
    expect(withView([mine, { name: "b", query: "" }], { name: "mine", query: "c" })).toEqual([
      { name: "b", query: "" },
      { name: "mine", query: "c" },
    ]);
  });
  it("are links below any prefix, with their names", () => {
    expect(viewHref({ name: "Failed today", query: "status:FAILED after:today" })).toBe(
      "/ops/jobs?q=status:FAILED+after:today&view=Failed+today",
    );
  });
});
