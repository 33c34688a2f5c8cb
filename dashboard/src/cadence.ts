// When something recurs, in words.

import { spoken } from "./cron";
import { language, t, tn } from "./i18n";
import { duration } from "./time";

const weekday = (day: number): string =>
  new Intl.DateTimeFormat(language.value, { weekday: "long", timeZone: "UTC" }).format(
    Date.UTC(2023, 0, 1 + day), // a Sunday
  );

/** `Weekdays at 09:00`; null of a cron expression that has no words. */
export function prose({ cron, every }: { cron: string | null; every: number | null }) {
  if (every !== null) return t("cron.every", { time: duration(every * 1000) });
  const said = spoken(cron ?? "");
  if (!said) return null;
  switch (said.key) {
    case "cron.minutes":
    case "cron.hours":
      return tn(said.key, said.values.count);
    case "cron.weekly":
      return t(said.key, { time: said.values.time, day: weekday(said.values.day) });
    default:
      return t(said.key, said.values);
  }
}

/** A moment as the clock of `tz` shows it; null: of the reader's. */
export const byClock = (time: string, tz: string | null): string =>
  new Intl.DateTimeFormat(language.value, {
    weekday: "short",
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(tz && { timeZone: tz, timeZoneName: "short" }),
  }).format(Date.parse(time));
