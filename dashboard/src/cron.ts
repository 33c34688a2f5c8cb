// What a cron expression says, for the commonest; the others speak for themselves.

export type Spoken =
  | { key: "cron.minutes" | "cron.hours"; values: { count: number } }
  | { key: "cron.hourly"; values: { minute: string } }
  | { key: "cron.daily" | "cron.weekdays"; values: { time: string } }
  | { key: "cron.weekly"; values: { time: string; day: number } };

const NUMBER = /^\d+$/;
const two = (text: string): string => text.padStart(2, "0");

export function spoken(cron: string): Spoken | null {
  const [minute = "", hour = "", day, month, weekday = "", ...more] = cron.trim().split(/\s+/);
  if (more.length || day !== "*" || month !== "*") return null;
  const step = /^\*\/(\d+)$/;
  const any = weekday === "*";
  if (any && hour === "*") {
    const each = minute === "*" ? "1" : step.exec(minute)?.[1];
    if (each) return { key: "cron.minutes", values: { count: Number(each) } };
    if (NUMBER.test(minute)) return { key: "cron.hourly", values: { minute: two(minute) } };
  }
  const hours = step.exec(hour)?.[1];
  if (any && hours && minute === "0")
    return { key: "cron.hours", values: { count: Number(hours) } };
  if (!NUMBER.test(minute) || !NUMBER.test(hour)) return null;
  const time = `${two(hour)}:${two(minute)}`;
  if (any) return { key: "cron.daily", values: { time } };
  if (/^(1-5|mon-fri)$/i.test(weekday)) return { key: "cron.weekdays", values: { time } };
  if (/^[0-7]$/.test(weekday))
    return { key: "cron.weekly", values: { time, day: Number(weekday) % 7 } };
  return null;
}
