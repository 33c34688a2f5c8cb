// The pages: where each lives, and the word that leads there from the top.

import type { ComponentType } from "preact";
import type { PluralKey, Key } from "./i18n";
import { JobPage } from "./pages/job";
import { JobsPage } from "./pages/jobs";

export interface PageEntry {
  path: string;
  nav?: Exclude<Key, PluralKey>;
  page: ComponentType<{ rest: string }>;
}

export const PAGES: readonly PageEntry[] = [
  { path: "jobs/", page: JobPage },
  { path: "jobs", nav: "nav.jobs", page: JobsPage },
];

/** The page of a path, and what follows the page's own; the first page stands at the root. */
export function pageOf(path: string): { entry: PageEntry; rest: string } | null {
  for (const entry of PAGES) {
    const deeper = entry.path.endsWith("/");
    if (deeper ? path.startsWith(entry.path) : path === entry.path)
      return { entry, rest: decodeURIComponent(path.slice(entry.path.length)) };
  }
  const home = PAGES.find((entry) => entry.nav);
  return path === "" && home ? { entry: home, rest: "" } : null;
}

/** The word at the top that a path belongs under. */
export const sectionOf = (path: string): string | undefined =>
  pageOf(path)?.entry.path.replace(/\/$/, "");
