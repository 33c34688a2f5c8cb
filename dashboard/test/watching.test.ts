import { expect, test } from "vitest";
import { watching } from "../src/watching";

test("looks soon at what moves, and ever later at what stands", () => {
  const wait = watching(2, 30);
  expect([{ done: 1 }, { done: 2 }].map(wait)).toEqual([2, 2]);
  expect(Array.from({ length: 6 }, () => wait({ done: 2 }))).toEqual([4, 8, 16, 30, 30, 30]);
  expect(wait({ done: 3 })).toBe(2);
});
