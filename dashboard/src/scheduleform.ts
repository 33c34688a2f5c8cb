// The form of a schedule: to what the server is asked, only what has changed.

import type { Asked } from "./api";
import {
  filledOptions,
  jsonProblem,
  misses,
  options,
  pretty,
  RANGES,
  text,
  type NumberField,
  type Options,
} from "./draft";
import type { Missed, Schedule } from "./types";

export interface ScheduleForm extends Options {
  name: string;
  binding: string;
  by: "cron" | "every";
  cron: string;
  tz: string;
  /** Seconds. */
  every: string;
  payload: string;
  missed: Missed;
  overlap: boolean;
}

export type ScheduleField = keyof ScheduleForm;

/** A new one, by the clock of `tz`, or the one there is. */
export const filledSchedule = (tz: string, of?: Schedule): ScheduleForm => ({
  ...filledOptions(of?.params ?? {}),
  name: of?.name ?? "",
  binding: of?.binding ?? "",
  by: of && of.every !== null ? "every" : "cron",
  cron: of?.cron ?? "",
  tz: of?.tz ?? tz,
  every: text(of?.every),
  payload: of ? pretty(of.payload) : "{}",
  missed: of?.missed ?? "once",
  overlap: of?.overlap ?? true,
});

const LONGEST: [number, number, boolean] = [1, 31_536_000, false];
const OPTIONS: NumberField[] = ["maxRetries", "retryDelay", "cap", "timeout", "priority"];

/** Fields that cannot be sent as they are. */
export function scheduleProblems(form: ScheduleForm): ScheduleField[] {
  const missing = (["name", "binding", form.by] as const).filter((field) => !form[field].trim());
  const wrong: ScheduleField[] = OPTIONS.filter((field) =>
    misses(form[field as keyof Options] as string, RANGES[field]),
  ) as ScheduleField[];
  if (form.by === "every" && misses(form.every, LONGEST)) missing.push("every");
  return [...missing, ...(jsonProblem(form.payload) ? (["payload"] as const) : []), ...wrong];
}

/** When it runs, as the server takes it. */
export const when = ({ by, cron, tz, every }: ScheduleForm): Record<string, string | number> =>
  by === "every" ? { every: Number(every) } : { cron: cron.trim(), tz: tz.trim() };

const whole = (form: ScheduleForm): Asked => ({
  ...when(form),
  payload: form.payload,
  params: options(form),
  missed: form.missed,
  overlap: form.overlap,
});

/** A new schedule. */
export const created = (form: ScheduleForm): Asked => ({
  name: form.name.trim(),
  binding: form.binding.trim(),
  ...whole(form),
});

/** What has changed; what stays as it is shown, such as a redacted payload, is not sent. */
export function changed(before: ScheduleForm, form: ScheduleForm): Asked {
  const [old, now] = [whole(before), whole(form)];
  return Object.fromEntries(
    Object.entries(now).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(old[key]),
    ),
  );
}
