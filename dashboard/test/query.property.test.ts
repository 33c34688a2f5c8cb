// What must hold of every search text, tried on many that a seed makes.

import { describe, expect, it } from "vitest";
import { isRaw, parseExact } from "../src/exact";
import { KEYS, format, instant, parse, suggest, toFilter, withTerm, type Term } from "../src/query";
import { REASONS, STATUSES } from "../src/types";

const NOW = Date.UTC(2026, 8, 1, 12);
const RUNS = 3_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Numbers from 0 to 1, always the same of a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const PIECES = [
  ...[...KEYS].flatMap((key) => [key, `${key}:`, key.toUpperCase()]),
  ...STATUSES,
  ...REASONS,
  ...[..."\"\\:,.- \t\n/[]{}'0", '\\"', '""', " ", "  ", "://"],
  ..."a ü 日本 😀 \u2028 \u00a0 true null 42 -1.5 1e999 9007199254740993 0.1 \\u0041".split(" "),
  ..."15m 1h today 7d 2026-08-01 2026-08-01T00:00Z 2026-99-99 99999999999999w 0001-01-01".split(
    " ",
  ),
  "01991234-5678-7abc-8def-0123456789ab",
  "payload.user.id:",
  "__proto__",
  "constructor:",
];

class Maker {
  private readonly next: () => number;
  constructor(seed: number) {
    this.next = random(seed);
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  of<T>(several: readonly T[]): T {
    return several[this.below(several.length)] as T;
  }
  text(most: number): string {
    return Array.from({ length: this.below(most + 1) }, () => this.of(PIECES)).join("");
  }
  /** A term as the search bar's chips hold it, with any value at all. */
  term(): Term {
    const key = this.of(["error", "binding", "payload.user.id", "payload.日本", "fingerprint"]);
    return { key, value: this.text(4) || "x", quoted: this.below(2) === 0 };
  }
}

function each(check: (maker: Maker) => void): void {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    try {
      check(new Maker(seed));
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
}

describe("any text", () => {
  it("is read, and what it means is what its formatted terms mean", () => {
    each((maker) => {
      const terms = parse(maker.text(8));
      expect(toFilter(parse(format(terms)), NOW)).toEqual(toFilter(terms, NOW));
      expect(parse(format(terms)).map(({ problem }) => problem)).toEqual(
        terms.map(({ problem }) => problem),
      );
    });
  });

  it("without quotes, loses nothing but spaces", () => {
    const bare = (text: string) => text.replace(/\s/g, "").toLowerCase();
    each((maker) => {
      const text = maker.text(8).replace(/["\\]/g, "");
      const kept = parse(text).map(({ key, value }) => ({ key, value }));
      let left = bare(text);
      for (const { key, value } of kept) {
        const named = bare(`${key}:${value}`);
        // words have the key `error`, a plain id the key `id`, though nobody typed them
        const found = left.startsWith(named) ? named : bare(value);
        expect(left.startsWith(found), `${left} begins with ${found}`).toBe(true);
        left = left.slice(found.length);
      }
      expect(left).toBe("");
    });
  });

  it("asks only for what the server takes", () => {
    each((maker) => {
      const filter = toFilter(parse(maker.text(8)), NOW);
      expect(parseExact(JSON.stringify(filter))).toEqual(filter);
      for (const status of filter.status ?? []) expect(STATUSES).toContain(status);
      for (const id of filter.ids ?? []) expect(id).toMatch(UUID);
      if (filter.reason) expect(REASONS).toContain(filter.reason);
      for (const time of [filter.createdAfter, filter.createdBefore])
        if (time !== undefined) expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      for (const several of [filter.status, filter.binding, filter.ids])
        if (several) expect(several.length).toBeGreaterThan(0);
      for (const value of Object.values(filter.payload ?? {}))
        expect(value === null || isRaw(value) || typeof value !== "object").toBe(true);
    });
  });

  it("is completed by adding to it", () => {
    each((maker) => {
      const draft = maker.text(6);
      const before = draft.slice(0, draft.length - (/\S*$/.exec(draft)?.[0] ?? "").length);
      for (const { text } of suggest(draft, ["SEND_MAIL", "BILLING"]))
        expect(text.startsWith(before)).toBe(true);
    });
  });
});

describe("any terms", () => {
  it("come back from their text", () => {
    each((maker) => {
      const terms = Array.from({ length: 1 + maker.below(3) }, () => maker.term());
      const back = parse(format(terms));
      expect(back.map(({ key, value }) => [key, value])).toEqual(
        terms.map(({ key, value }) => [key, value]),
      );
    });
  });

  it("hold a value that was put into them, once", () => {
    each((maker) => {
      const terms = parse(maker.text(6));
      const value = maker.text(3) || "x";
      const put = withTerm(terms, "error", value).filter(({ key }) => key === "error");
      expect(put.map((term) => term.value)).toEqual([value]);
    });
  });
});

it("a time is one that a date can hold, or none", () => {
  each((maker) => {
    const ms = instant(maker.text(3), NOW);
    if (ms !== null) expect(() => new Date(ms).toISOString()).not.toThrow();
  });
});
