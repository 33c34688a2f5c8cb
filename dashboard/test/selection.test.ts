import { expect, it } from "vitest";
import { all, kept, NOTHING, toggled } from "../src/selection";

const ORDER = ["a", "b", "c", "d"];
const ids = (selection: typeof NOTHING) => [...selection.ids].sort();

it("ticks and unticks", () => {
  const one = toggled(NOTHING, "b", false, ORDER);
  expect(ids(one)).toEqual(["b"]);
  expect(ids(toggled(one, "b", false, ORDER))).toEqual([]);
});

it("ticks a range in either direction", () => {
  expect(ids(toggled(toggled(NOTHING, "b", false, ORDER), "d", true, ORDER))).toEqual([
    "b",
    "c",
    "d",
  ]);
  expect(ids(toggled(toggled(NOTHING, "c", false, ORDER), "a", true, ORDER))).toEqual([
    "a",
    "b",
    "c",
  ]);
});

it("unticks a range", () => {
  const some = toggled(all(ORDER), "d", false, ORDER);
  expect(ids(toggled(some, "b", true, ORDER))).toEqual(["a"]);
});

it("takes a range whose start has left the screen as a single row", () => {
  const old = toggled(NOTHING, "z", false, ["z", ...ORDER]);
  expect(ids(toggled(old, "c", true, ORDER))).toEqual(["c", "z"]);
});

it("forgets rows that are no longer there, and is itself where none is", () => {
  const some = all(ORDER);
  expect(kept(some, ORDER)).toBe(some);
  expect(ids(kept(some, ["b"]))).toEqual(["b"]);
});
