// Which columns the job list shows; this browser remembers.

import { signal } from "@preact/signals";
import { remember, remembered } from "./memory";

export const COLUMNS = [
  "payload",
  "attempts",
  "age",
  "took",
  "last",
  "priority",
  "worker",
] as const;
export type ColumnName = (typeof COLUMNS)[number];

const isColumn = (name: string): name is ColumnName =>
  (COLUMNS as readonly string[]).includes(name);

export const hidden = signal<readonly ColumnName[]>(
  (remembered("hidden") ?? "priority worker").split(" ").filter(isColumn),
);

export function toggle(name: ColumnName): void {
  hidden.value = hidden.value.includes(name)
    ? hidden.value.filter((each) => each !== name)
    : [...hidden.value, name];
  remember("hidden", hidden.value.join(" "));
}
