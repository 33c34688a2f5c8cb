import { describe, expect, test } from "vitest";
import { area, figures, line, moments, stretches } from "../src/plot";

const HOUR = 3_600_000;

describe("figures", () => {
  test.each([
    [0, [0, 1]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [7, [0, 2, 4, 6, 8]],
    [40, [0, 10, 20, 30, 40]],
    [41, [0, 20, 40, 60]],
    [950, [0, 500, 1000]],
  ])("of counts up to %s", (top, expected) => {
    expect(figures(top, "counts")).toEqual(expected);
  });
  test.each([
    [0.5, [0, 0.5]],
    [340, [0, 100, 200, 300, 400]],
    [3000, [0, 1000, 2000, 3000]],
    [150_000, [0, 60_000, 120_000, 180_000]],
    [5_000_000, [0, 1_800_000, 3_600_000, 5_400_000]],
  ])("of durations up to %s", (top, expected) => {
    expect(figures(top, "durations")).toEqual(expected);
  });
  test.each(["counts", "durations"] as const)("of %s reach the top in few steps", (scale) => {
    for (let top = 0; top < 1e9; top = top * 1.37 + 0.7) {
      const found = figures(top, scale);
      expect(found.at(-1)).toBeGreaterThanOrEqual(top);
      expect(found.length).toBeLessThanOrEqual(6);
      if (scale === "counts") expect(found.every(Number.isInteger)).toBe(true);
    }
  });
});

describe("moments", () => {
  const at = (text: string): number => new Date(text).getTime();
  const texts = (found: number[]): string[] =>
    found.map((ms) => {
      const date = new Date(ms);
      return `${date.getDate()}/${date.getHours()}:${date.getMinutes()}`;
    });

  test("of an hour are full minutes", () => {
    const found = moments(at("2026-09-01T09:07:30"), at("2026-09-01T10:07:30"), 5);
    expect(texts(found)).toEqual(["1/9:15", "1/9:30", "1/9:45", "1/10:0"]);
  });
  test("of a day are full hours", () => {
    const found = moments(at("2026-09-01T09:07"), at("2026-09-02T09:07"), 4);
    expect(texts(found)).toEqual(["1/12:0", "1/18:0", "2/0:0", "2/6:0"]);
  });
  test("of a week are days", () => {
    const found = moments(at("2026-09-01T09:07"), at("2026-09-08T09:07"), 4);
    expect(texts(found)).toEqual(["3/0:0", "5/0:0", "7/0:0"]);
  });
  test("are never too many, at any width and length", () => {
    for (let span = HOUR; span < 400 * 24 * HOUR; span *= 1.9)
      for (const most of [1, 2, 5, 12]) {
        const found = moments(1_750_000_000_000, 1_750_000_000_000 + span, most);
        expect(found.length).toBeLessThanOrEqual(most + 1);
      }
  });
});

describe("a line", () => {
  const drawn = (values: (number | null)[]) =>
    stretches(
      values,
      (index) => index * 10,
      (value) => 100 - value,
    );
  test("breaks where a value is missing", () => {
    expect(drawn([null, 1, 2, null, null, 3])).toEqual([
      [
        [10, 99],
        [20, 98],
      ],
      [[50, 97]],
    ]);
    expect(drawn([null, null])).toEqual([]);
  });
  test("as a path, and what is below it", () => {
    const [points = []] = drawn([1, 2.55]);
    expect(line(points)).toBe("M0 99L10 97.5");
    expect(area(points, 100)).toBe("M0 99L10 97.5V100H0Z");
    expect(line([[5, 6]])).toBe("M5 6h0");
  });
});
