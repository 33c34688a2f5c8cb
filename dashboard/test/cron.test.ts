import { expect, it } from "vitest";
import { spoken } from "../src/cron";

it.each([
  ["* * * * *", { key: "cron.minutes", values: { count: 1 } }],
  ["*/5 * * * *", { key: "cron.minutes", values: { count: 5 } }],
  ["7 * * * *", { key: "cron.hourly", values: { minute: "07" } }],
  ["0 */6 * * *", { key: "cron.hours", values: { count: 6 } }],
  ["30 9 * * *", { key: "cron.daily", values: { time: "09:30" } }],
  ["0 9 * * 1-5", { key: "cron.weekdays", values: { time: "09:00" } }],
  ["0 9 * * 7", { key: "cron.weekly", values: { time: "09:00", day: 0 } }],
  ["0 9 1 * *", null],
  ["0 9-17 * * *", null],
  ["0,30 9 * * 1", null],
  ["*/5 9 * * *", null],
])("%s", (cron, said) => {
  expect(spoken(cron)).toEqual(said);
});
