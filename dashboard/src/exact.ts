// JSON without loss: numbers that JavaScript would round keep the digits they came with.

import type { Json } from "./types";

/** Of ES2025, where the browser has it; without, large numbers are rounded as ever. */
interface Raw {
  rawJSON?: (text: string) => unknown;
  isRawJSON?: (value: unknown) => boolean;
}
const { rawJSON, isRawJSON } = JSON as Raw;

function kept(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  const rounded = typeof value === "number" && source !== undefined && isRounded(value, source);
  return rounded && rawJSON ? rawJSON(source) : value;
}

const isRounded = (value: number, source: string): boolean =>
  /^-?\d+$/.test(source) && !Number.isSafeInteger(value);

export const parseExact = (text: string): Json => JSON.parse(text, kept) as Json;

/** A number that JavaScript has no value for: an object that only `JSON.stringify` reads. */
export const isRaw = (value: unknown): boolean => isRawJSON?.(value) ?? false;
