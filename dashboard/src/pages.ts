// The pages: where each lives, the word that leads there from the top, and the key after `g`.

import type { ComponentType } from "preact";
import type { PluralKey, Key } from "./i18n";
import { ActionsPage } from "./pages/actions";
import { BindingPage } from "./pages/binding";
import { BindingsPage } from "./pages/bindings";
import { FailuresPage } from "./pages/failures";
import { JobPage } from "./pages/job";
import { JobsPage } from "./pages/jobs";
import { OverviewPage } from "./pages/overview";
import { SchedulesPage } from "./pages/schedules";
import { WorkersPage } from "./pages/workers";

export interface PageEntry {
  path: string;
  page: ComponentType<{ rest: string }>;
  nav?: { text: Exclude<Key, PluralKey>; key: string };
}

export const PAGES: readonly PageEntry[] = [
  { path: "", page: OverviewPage, nav: { text: "nav.overview", key: "o" } },
  { path: "jobs", page: JobsPage, nav: { text: "nav.jobs", key: "j" } },
  { path: "jobs/", page: JobPage },
  { path: "failures", page: FailuresPage, nav: { text: "nav.failures", key: "f" } },
  { path: "bindings", page: BindingsPage, nav: { text: "nav.bindings", key: "b" } },
  { path: "bindings/", page: BindingPage },
  { path: "schedules", page: SchedulesPage, nav: { text: "nav.schedules", key: "s" } },
  { path: "workers", page: WorkersPage, nav: { text: "nav.workers", key: "w" } },
  { path: "actions", page: ActionsPage, nav: { text: "nav.actions", key: "a" } },
];

type Section = PageEntry & Required<Pick<PageEntry, "nav">>;

/** The pages that the top leads to. */
export const SECTIONS = PAGES.filter((page): page is Section => page.nav !== undefined);

/** The page of a path, and what follows the page's own. */
export function pageOf(path: string): { entry: PageEntry; rest: string } | null {
  for (const entry of PAGES) {
    const deeper = entry.path.endsWith("/");
    if (deeper ? path.startsWith(entry.path) : path === entry.path)
      return { entry, rest: decodeURIComponent(path.slice(entry.path.length)) };
  }
  return null;
}

/** The word at the top that a path belongs under. */
export const sectionOf = (path: string): string | undefined =>
  pageOf(path)?.entry.path.replace(/\/$/, "");
