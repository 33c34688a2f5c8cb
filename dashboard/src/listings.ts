// The job list on screen: opening a search, keeping it current, going further back.

import { signal } from "@preact/signals";
import { explainError } from "./actions";
import * as api from "./api";
import { cursor } from "./live";
import { extended, opened, PAGE, refreshed, revealed, unseen, type Listing } from "./listing";
import { parse, toFilter } from "./query";
import type { Filter, Pulse } from "./types";

/** Milliseconds between refreshes nobody asked for. */
const GAP = 2_000;

export const listing = signal<Listing | null>(null);
export const loading = signal(false);
export const failure = signal<string | null>(null);

let shown: { text: string; before: string | null } | null = null;
let filter: Filter = {};
let turn = 0;
let lastRefresh = 0;
let soon = 0;
/** The cursor as it stood before the last look. */
let seen: Pulse["cursor"] | undefined;

async function during(work: (mine: () => boolean) => Promise<void>): Promise<void> {
  const my = ++turn;
  const mine = (): boolean => my === turn;
  try {
    await work(mine);
    if (mine()) failure.value = null;
  } catch (error) {
    const said = explainError(error);
    if (mine()) failure.value = said;
  } finally {
    if (mine()) loading.value = false;
  }
}

/** Show a search; coming back to the one on screen keeps its rows where they were. */
export async function open(text: string, before: string | null): Promise<void> {
  if (shown?.text === text && shown.before === before && listing.value) return refresh();
  shown = { text, before };
  filter = toFilter(parse(text), Date.now());
  loading.value = true;
  seen = cursor.peek();
  await during(async (mine) => {
    const page = await api.search(filter, before, PAGE);
    lastRefresh = Date.now();
    if (mine()) listing.value = opened(page);
  });
}

/** What the list on screen was asked for. */
export const shownFilter = (): Filter => filter;

/** Look at the rows again, where they are. */
export async function refresh(): Promise<void> {
  clearTimeout(soon);
  soon = 0;
  const { value: current } = listing;
  if (!current || !shown || loading.value) return;
  const { before } = shown;
  seen = cursor.peek();
  lastRefresh = Date.now();
  await during(async (mine) => {
    const newest = before === null ? await api.search(filter, null, PAGE) : null;
    const ids = unseen(current, newest);
    const found = ids.length ? (await api.search({ ids }, null, ids.length)).jobs : [];
    if (mine()) listing.value = refreshed(current, newest, ids, found);
  });
}

/** Refresh if anything has changed since, and when the last refresh is long enough ago. */
export function refreshSoon(): void {
  if (cursor.value === seen || soon) return;
  soon = window.setTimeout(() => void refresh(), Math.max(0, lastRefresh + GAP - Date.now()));
}

export function leave(): void {
  clearTimeout(soon);
  soon = 0;
}

/** Let the waiting rows in. */
export function reveal(): void {
  if (listing.value) listing.value = revealed(listing.value);
}

/** Go on where the search stopped. */
export async function further(): Promise<void> {
  const { value: current } = listing;
  if (!current?.next) return;
  loading.value = true;
  const { next } = current;
  await during(async (mine) => {
    const page = await api.search(filter, next, PAGE);
    if (mine()) listing.value = extended(listing.value ?? current, page);
  });
}
