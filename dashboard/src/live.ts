// Staying up to date at next to no cost: events where there are any, else a pulse that slows down.

import { computed, effect, signal } from "@preact/signals";
import * as api from "./api";
import { identify, me } from "./session";
import type { Pulse } from "./types";

export const pulse = signal<Pulse | null>(null);

/** Moves with every change of a job. */
export const cursor = computed(() => pulse.value?.cursor);

export type Link = "connecting" | "events" | "polling" | "paused" | "lost";
export const link = signal<Link>("connecting");
/** What a server said that answers, but not with a pulse. */
export const refusal = signal("");
export const paused = signal(false);

const FASTEST = 5_000;
const SLOWEST = 60_000;
const AFTERMATH = 1_000;
const FIRST_RETRY = 2_000;
const SLOWEST_RETRY = 30_000;
/** Events that stay away this long are checked on: a dead connection can look like a quiet one. */
const QUIET = 60_000;

export type Outcome = "changed" | "same" | "failed";

/** How long to wait after a pulse, given how long we waited before it; milliseconds. */
export function nextDelay(outcome: Outcome, before: number): number {
  if (outcome === "changed") return FASTEST;
  if (outcome === "same") return Math.min(Math.max(before * 2, FASTEST), SLOWEST);
  return before > SLOWEST_RETRY || before < FIRST_RETRY
    ? FIRST_RETRY
    : Math.min(before * 2, SLOWEST_RETRY);
}

let timer = 0;
let delay = 0;
let asking = false;
let source: EventSource | null = null;
let lastAsked = 0;
/** No new stream of events before this time: what closes them may do so again at once. */
let listenFrom = 0;

function taken(beat: Pulse): Outcome {
  const before = pulse.peek();
  // who looks at the pulse looks again when it is another
  if (JSON.stringify(before) !== JSON.stringify(beat)) pulse.value = beat;
  return before?.cursor === beat.cursor ? "same" : "changed";
}

const stopped = (): boolean => document.hidden || paused.value || api.signedOut.value;

function plan(ms: number): void {
  clearTimeout(timer);
  if (!stopped()) timer = window.setTimeout(() => void beat(), ms);
}

/** Ask for the pulse now, and plan the next. */
export async function beat(): Promise<void> {
  if (asking || stopped()) return;
  asking = true;
  lastAsked = Date.now();
  try {
    if (me.value === null) await identify();
    const outcome = taken(await api.pulse());
    delay = link.value === "lost" ? FASTEST : nextDelay(outcome, delay);
    if (stopped()) return; // meanwhile
    listen();
    link.value = source ? "events" : "polling";
    plan(source ? QUIET : delay);
  } catch (error) {
    if (api.signedOut.value) return;
    if (!(error instanceof api.Unreachable || error instanceof api.Refused)) throw error;
    hush();
    delay = nextDelay("failed", link.value === "lost" ? delay : 0);
    link.value = "lost";
    refusal.value = error instanceof api.Refused ? error.message : "";
    plan(delay);
  } finally {
    asking = false;
  }
}

function listen(): void {
  if (source || !me.value?.events || Date.now() < listenFrom) return;
  source = new EventSource(api.url("events"));
  source.addEventListener("pulse", (event) => {
    taken(JSON.parse(event.data as string) as Pulse);
    link.value = "events";
    plan(QUIET);
  });
  source.addEventListener("error", () => {
    hush();
    listenFrom = Date.now() + FASTEST;
    // a server that is going down still answers for a moment
    plan(AFTERMATH);
  });
}

function hush(): void {
  source?.close();
  source = null;
}

/** Somebody is there again: don't let them wait out a long pause. */
function noticed(): void {
  if (source || link.value === "lost" || Date.now() - lastAsked < FASTEST) return;
  delay = 0;
  void beat();
}

export function startLive(): void {
  effect(() => {
    if (api.signedOut.value || paused.value) {
      hush();
      clearTimeout(timer);
      if (paused.value) link.value = "paused";
    } else {
      delay = 0;
      void beat();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hush();
    clearTimeout(timer);
    delay = 0;
    void beat();
  });
  addEventListener("online", () => void beat());
  for (const sign of ["pointerdown", "keydown"]) addEventListener(sign, noticed, { passive: true });
}
