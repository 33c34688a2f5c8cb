// The job list as it stands on screen: rows change where they are, new ones wait.

import type { Job, Page } from "./types";

export interface Listing {
  rows: readonly Job[];
  /** Shown rows that exist no more. */
  gone: ReadonlySet<string>;
  /** Jobs newer than the first row, newest first, held back until asked for. */
  fresh: readonly Job[];
  /** The first page as last seen. */
  newest: Page | null;
  next: string | null;
  /** How far a search looked that stopped before its page was full; null: it did not stop. */
  stoppedAt: string | null;
}

/** Jobs on a page. */
export const PAGE = 50;
const MOST_IDS = 1000;
const NONE: ReadonlySet<string> = new Set();

export const opened = (page: Page): Listing => ({
  rows: page.jobs,
  gone: NONE,
  fresh: [],
  newest: page,
  next: page.next,
  stoppedAt: stoppedAt(page),
});

const stoppedAt = ({ jobs, next, lookedBackTo }: Page): string | null =>
  next !== null && jobs.length < PAGE ? lookedBackTo : null;

/** A search that looked further back. */
export function extended(listing: Listing, page: Page): Listing {
  const known = new Set(listing.rows.map((row) => row.id));
  return {
    ...listing,
    rows: [...listing.rows, ...page.jobs.filter((job) => !known.has(job.id))],
    next: page.next,
    stoppedAt: stoppedAt(page),
  };
}

/** Rows that a newest page does not show, and that must be asked for by id. */
export function unseen(listing: Listing, newest: Page | null): string[] {
  const seen = new Set(newest?.jobs.map((job) => job.id));
  return listing.rows
    .map((row) => row.id)
    .filter((id) => !seen.has(id) && !listing.gone.has(id))
    .slice(0, MOST_IDS);
}

/**
 * What became of the rows.
 *
 * @param newest the first page as it would be now; null when looking at an older one.
 * @param asked the ids that were asked for one by one, and `found` what came back.
 */
export function refreshed(
  listing: Listing,
  newest: Page | null,
  asked: readonly string[],
  found: readonly Job[],
): Listing {
  if (listing.rows.length === 0 && newest) return opened(newest);
  const now = new Map([...(newest?.jobs ?? []), ...found].map((job) => [job.id, job]));
  const first = listing.rows[0]?.id ?? "";
  return {
    ...listing,
    rows: listing.rows.map((row) => now.get(row.id) ?? row),
    gone: new Set([...listing.gone, ...asked.filter((id) => !now.has(id))]),
    fresh: newest ? newest.jobs.filter((job) => job.id > first) : [],
    newest,
  };
}

/** Let the waiting rows in. */
export function revealed(listing: Listing): Listing {
  const { newest } = listing;
  if (!newest) return listing;
  // Nothing in common: there may be more between the two.
  if (listing.fresh.length === newest.jobs.length) return opened(newest);
  const rows = [...listing.fresh, ...listing.rows.filter((row) => !listing.gone.has(row.id))];
  return { ...listing, rows, gone: NONE, fresh: [] };
}
