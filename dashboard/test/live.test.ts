// @vitest-environment node
import { beforeAll, expect, it, vi } from "vitest";

vi.stubGlobal("document", { baseURI: "http://localhost/", hidden: false });
vi.stubGlobal("navigator", { languages: ["en"] });
type Live = typeof import("../src/live");
let nextDelay: Live["nextDelay"];

beforeAll(async () => {
  ({ nextDelay } = await import("../src/live"));
});

it("doubles from five seconds to a minute while nothing changes", () => {
  const delays = [nextDelay("same", 0)];
  for (let i = 0; i < 6; i++) delays.push(nextDelay("same", delays.at(-1) ?? 0));
  expect(delays).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

it("is quick again at the first change", () => {
  expect(nextDelay("changed", 60_000)).toBe(5_000);
});

it("tries a lost server soon, then less and less often", () => {
  const delays = [nextDelay("failed", 0)];
  for (let i = 0; i < 6; i++) delays.push(nextDelay("failed", delays.at(-1) ?? 0));
  expect(delays).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});
