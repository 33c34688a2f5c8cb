// Where a text stops being JSON. Browsers say it each in their own words, or not at all.

const BLANK = /[ \t\n\r]*/y;
const SCALAR =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const NAME = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

class Stop extends Error {}

/** The offset at which `text` can no longer become JSON; null where it is JSON. */
export function jsonStop(text: string): number | null {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found !== null;
  };
  const next = (): string => {
    take(BLANK);
    return text.charAt(at);
  };
  const need = (done: boolean): void => {
    if (!done) throw new Stop();
  };
  const sign = (wanted: string): boolean => {
    if (next() !== wanted) return false;
    at += 1;
    return true;
  };
  const items = (close: string, item: () => void): void => {
    if (sign(close)) return;
    do item();
    while (sign(","));
    need(sign(close));
  };
  const value = (): void => {
    if (sign("{"))
      items("}", () => {
        next();
        need(take(NAME) && sign(":"));
        value();
      });
    else if (sign("[")) items("]", value);
    else need(take(SCALAR));
  };
  try {
    value();
    need(next() === "");
    return null;
  } catch (error) {
    if (error instanceof Stop) return at;
    throw error;
  }
}
