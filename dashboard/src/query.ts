// The search bar's language: `status:FAILED payload.user.id:42 error:"no route"`, and back.

import { isRaw, parseExact } from "./exact";
import { REASONS, STATUSES, type Filter, type Json, type Reason, type Status } from "./types";

export const KEYS = [
  "status",
  "binding",
  "error",
  "fingerprint",
  "reason",
  "id",
  "after",
  "before",
  "payload.",
] as const;

export type Problem = "key" | "status" | "reason" | "id" | "time" | "empty";

export interface Term {
  key: string;
  value: string;
  /** The value was in quotes: text, even where it looks like a number. */
  quoted: boolean;
  problem?: Problem;
}

const TOKEN = /(?:([^\s":]+):)?(?:"((?:[^"\\]|\\.)*)"?|(\S*))/gy;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const AGO = /^(\d+(?:\.\d+)?)(s|m|h|d|w)$/;
/** Years have four digits, in any time zone. */
const EARLIEST = new Date("0001-01-02T00:00Z").getTime();
const LATEST = new Date("9999-12-30T00:00Z").getTime();
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** The terms of a search text. Plain words are one error text, a plain id is an id. */
export function parse(text: string): Term[] {
  const terms: Term[] = [];
  let words = false;
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    TOKEN.lastIndex = at;
    const [whole = "", before, inQuotes, plain = ""] = TOKEN.exec(text) ?? [];
    at += Math.max(1, whole.length);
    const quoted = inQuotes !== undefined;
    const key = before === undefined ? undefined : keyOf(before);
    // `Error: text` and `https://host` are words that happen to have a colon
    const isTerm =
      key !== undefined && (isKnown(key) || (whole !== `${before}:` && !plain.startsWith("//")));
    const value = quoted ? inQuotes.replace(/\\(.)/g, "$1") : isTerm ? plain : whole;
    const last = terms.at(-1);
    if (isTerm) {
      terms.push(checked({ key, value, quoted }));
      words = false;
    } else if (UUID.test(value)) {
      terms.push({ key: "id", value, quoted: false });
      words = false;
    } else if (words && last) {
      const { key, value: said, quoted } = last;
      terms.splice(-1, 1, checked({ key, value: said ? `${said} ${value}` : value, quoted }));
    } else {
      terms.push(checked({ key: "error", value, quoted }));
      words = true;
    }
  }
  return terms;
}

const keyOf = (text: string): string => KEYS.find((key) => key === text.toLowerCase()) ?? text;

const isKnown = (key: string): boolean =>
  key.startsWith("payload.") || (KEYS as readonly string[]).includes(key);

/** The text that parses to `terms`. */
export const format = (terms: readonly Term[]): string => terms.map(formatTerm).join(" ");

export function formatTerm({ key, value, quoted }: Term): string {
  const quotes = quoted || value === "" || /[\s"]/.test(value);
  return `${key}:${quotes ? `"${value.replace(/(["\\])/g, "\\$1")}"` : value}`;
}

const list = (value: string): string[] => value.split(",").filter(Boolean);

function problemOf({ key, value }: Term): Problem | undefined {
  if (key.startsWith("payload.")) return key.length > 8 ? undefined : "key";
  if (!isKnown(key)) return "key";
  if (value === "") return "empty";
  if (key === "status" && !list(value).every((s) => statusOf(s))) return "status";
  if (key === "reason" && !isReason(value.toLowerCase())) return "reason";
  if (key === "id" && !list(value).every((id) => UUID.test(id))) return "id";
  if ((key === "after" || key === "before") && instant(value, 0) === null) return "time";
  return undefined;
}

function checked(term: Term): Term {
  const problem = problemOf(term);
  return problem ? { ...term, problem } : term;
}

const isReason = (text: string): boolean => (REASONS as readonly string[]).includes(text);

const statusOf = (text: string): Status | undefined =>
  STATUSES.find((status) => status === text.toUpperCase());

/** `1h` ago, `today` from midnight, or a date or date and time (local unless it says otherwise); epoch milliseconds. */
export function instant(text: string, now: number): number | null {
  const ms = moment(text, now);
  return ms >= EARLIEST && ms <= LATEST ? ms : null;
}

function moment(text: string, now: number): number {
  const ago = AGO.exec(text);
  if (ago) return now - Number(ago[1]) * (SECONDS[ago[2] ?? "s"] ?? 1) * 1000;
  if (text === "today") return new Date(now).setHours(0, 0, 0, 0);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return NaN;
  return new Date(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T")).getTime();
}

function scalar({ value, quoted }: Term): Json {
  if (quoted) return value;
  try {
    const parsed = parseExact(value);
    if (isRaw(parsed)) return BigInt.asIntN(64, BigInt(value)) === BigInt(value) ? parsed : value;
    if (typeof parsed === "number" && !Number.isFinite(parsed)) return value;
    return parsed !== null && typeof parsed === "object" ? value : parsed;
  } catch {
    return value;
  }
}

/** What the server is asked; terms with a problem are left out. */
export function toFilter(terms: readonly Term[], now: number): Filter {
  const filter: Filter = {};
  for (const term of terms) {
    const { key, value } = term;
    if (term.problem) continue;
    if (key === "status")
      filter.status = [...(filter.status ?? []), ...list(value).flatMap((s) => statusOf(s) ?? [])];
    else if (key === "binding") filter.binding = [...(filter.binding ?? []), ...list(value)];
    else if (key === "id")
      filter.ids = [...(filter.ids ?? []), ...list(value).map((id) => id.toLowerCase())];
    else if (key === "error") filter.error = value;
    else if (key === "fingerprint") filter.fingerprint = value;
    else if (key === "reason") filter.reason = value.toLowerCase() as Reason;
    else if (key === "after") filter.createdAfter = iso(value, now);
    else if (key === "before") filter.createdBefore = iso(value, now);
    else filter.payload = { ...filter.payload, [key.slice("payload.".length)]: scalar(term) };
  }
  return filter;
}

const iso = (value: string, now: number): string =>
  new Date(instant(value, now) ?? now).toISOString();

/** `terms` with `key` replaced by `value`, or without it. */
export function withTerm(terms: readonly Term[], key: string, value: string | null): Term[] {
  const others = terms.filter((term) => term.key !== key);
  return value === null ? others : [...others, checked({ key, value, quoted: false })];
}

export interface Suggestion {
  /** The draft after accepting it. */
  text: string;
  /** Nothing more to type. */
  whole: boolean;
}

/** How the word being typed could go on. */
export function suggest(draft: string, bindings: readonly string[]): Suggestion[] {
  const word = /\S*$/.exec(draft)?.[0] ?? "";
  const before = draft.slice(0, draft.length - word.length);
  const colon = word.indexOf(":");
  if (colon < 0) {
    if (before.includes('"')) return [];
    const keys = KEYS.filter((key) => key.startsWith(word.toLowerCase()));
    const names = word ? bindings.filter((name) => matches(name, word)) : [];
    return [
      ...keys.map((key) => ({
        text: before + (key === "payload." ? key : `${key}:`),
        whole: false,
      })),
      ...names.slice(0, 6).map((name) => ({ text: `${before}binding:${name}`, whole: true })),
    ];
  }
  const key = word.slice(0, colon);
  const typed = word.slice(colon + 1);
  const lead =
    before + word.slice(0, word.lastIndexOf(",") > colon ? word.lastIndexOf(",") + 1 : colon + 1);
  const part = typed.slice(typed.lastIndexOf(",") + 1);
  const options: readonly string[] =
    key === "status"
      ? STATUSES
      : key === "binding"
        ? bindings
        : key === "reason"
          ? REASONS
          : key === "after" || key === "before"
            ? ["15m", "1h", "today", "24h", "7d"]
            : [];
  return options
    .filter((option) => matches(option, part) && option !== part)
    .slice(0, 8)
    .map((option) => ({ text: lead + option, whole: true }));
}

const matches = (name: string, part: string): boolean =>
  name.toLowerCase().includes(part.toLowerCase());
