// Searches by name: some that everybody has, and those that this browser remembers.

import { signal } from "@preact/signals";
import { t } from "./i18n";
import { remember, remembered } from "./memory";
import { href } from "./router";

export interface View {
  name: string;
  /** As the search bar has it. */
  query: string;
}

/** What was stored, as far as it is views. */
export function readViews(stored: string | null): View[] {
  try {
    const found: unknown = JSON.parse(stored ?? "[]");
    return Array.isArray(found)
      ? found.filter(
          (each): each is View => typeof each?.name === "string" && typeof each?.query === "string",
        )
      : [];
  } catch {
    return []; // somebody else wrote it
  }
}

export const views = signal<readonly View[]>(readViews(remembered("views")));

function keep(now: readonly View[]): void {
  views.value = now.toSorted((a, b) => a.name.localeCompare(b.name));
  remember("views", JSON.stringify(views.value));
}

/** `views` with this one, instead of another of its name. */
export const withView = (all: readonly View[], view: View): View[] => [
  ...all.filter(({ name }) => name !== view.name),
  view,
];

export const saveView = (view: View): void => keep(withView(views.value, view));

export const forget = (name: string): void =>
  keep(views.value.filter((view) => view.name !== name));

/** Those that everybody has. */
export const commonViews = (): View[] => [
  { name: t("view.failed"), query: "status:FAILED after:today" },
  { name: t("view.retrying"), query: "status:RETRY_PENDING" },
  { name: t("view.running"), query: "status:PROCESSING" },
  { name: t("view.crashed"), query: "reason:crashed" },
  { name: t("view.recent"), query: "after:1h" },
];

/** A link that shows it to others too, and tells them its name. */
export const viewHref = ({ name, query }: View): string => href("jobs", { q: query, view: name });
