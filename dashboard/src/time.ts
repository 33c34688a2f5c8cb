// Times and durations in the reader's language.

import { signal } from "@preact/signals";
import { language } from "./i18n";

/** Now, every second while the page is seen; epoch milliseconds. */
export const now = signal(Date.now());

/** Ages as "3m", or the times themselves. */
export const absolute = signal(false);

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
}

const STEPS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

const amount = (value: number, unit: string, digits = 0): string =>
  new Intl.NumberFormat(language.value, {
    style: "unit",
    unit,
    unitDisplay: language.value === "en" ? "narrow" : "short",
    maximumFractionDigits: digits,
  }).format(value);

/** `340ms`, `2.3s`, `42s`, `3m 12s`, `2h 5m`, `4d 6h`. */
export function duration(ms: number): string {
  if (ms < 1000) return amount(Math.round(ms), "millisecond");
  if (ms < 9950) return amount(ms / 1000, "second", 1);
  const first = STEPS.findIndex(([, size]) => ms >= size);
  const [unit, size] = STEPS[first] ?? STEPS[3];
  const second = STEPS[first + 1];
  const rest = second ? Math.floor((ms % size) / second[1]) : 0;
  const lead = amount(Math.floor(ms / size), unit);
  return second && rest ? `${lead} ${amount(rest, second[0])}` : lead;
}

/** How long ago, in one unit: `12s`, `3m`, `5d`. */
export function age(ms: number): string {
  const [unit, size] = STEPS.find(([, each]) => ms >= each) ?? STEPS[3];
  return amount(Math.max(0, Math.floor(ms / size)), unit);
}

const two = (n: number, width = 2): string => String(n).padStart(width, "0");

/** Local date and time, to the second. */
export function local(ms: number): string {
  const d = new Date(ms);
  return (
    `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
    `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
  );
}

/** Only the time of day, to the millisecond. */
export const clock = (ms: number): string =>
  `${local(ms).slice(11)}.${two(new Date(ms).getMilliseconds(), 3)}`;

/** A moment on an axis: the time of day, or the day; `whole`: both. */
export const moment = (ms: number, days: boolean, whole = false): string =>
  new Intl.DateTimeFormat(language.value, {
    ...((days || whole) && { month: "short", day: "numeric" }),
    ...((!days || whole) && { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  }).format(ms);

/** What a hover shows: UTC to the millisecond, and local time. */
export const full = (ms: number): string =>
  `${new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC")}\n${local(ms)} ${zone()}`;

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
