import { expect, it } from "vitest";
import { isRaw, parseExact } from "../src/exact";

it("keeps the digits that JavaScript has no number for", () => {
  const text = '{"id":12345678901234567890,"list":[-9007199254740993]}';
  expect(JSON.stringify(parseExact(text))).toBe(text);
});

it("leaves every other value alone", () => {
  const value = parseExact('{"a":9007199254740991,"b":0.1,"c":1e300,"d":"12345678901234567890"}');
  expect(value).toEqual({ a: 9007199254740991, b: 0.1, c: 1e300, d: "12345678901234567890" });
  expect(isRaw(value)).toBe(false);
});
