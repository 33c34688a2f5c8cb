// One job on screen: loaded, kept current, with its log and what explains it.

import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { explainError, touched } from "./actions";
import * as api from "./api";
import { isFinal, isWaiting } from "./lifecycle";
import { cursor, paused } from "./live";
import type { Explanation, JobDetails, LogLine } from "./types";

/** Milliseconds between looks at a running job: progress and logs move no pulse. */
const WATCH = 2_000;
/** Milliseconds between looks whether what runs it still lives. */
const EXPLAIN = 10_000;
const PAGE = 1000;
/** What explains a job and holds it not: the page shows it in other words. */
const ELSEWHERE = new Set(["running", "unique_key", "scheduled"]);

export interface OneJob {
  job: Signal<JobDetails | null>;
  lines: Signal<readonly LogLine[]>;
  reasons: Signal<Explanation["reasons"]>;
  /** Why there is nothing to show; empty: there is, or will be. */
  problem: Signal<string>;
  missing: Signal<boolean>;
}

export function useJob(id: string): OneJob {
  const job = useSignal<JobDetails | null>(null);
  const lines = useSignal<readonly LogLine[]>([]);
  const reasons = useSignal<Explanation["reasons"]>([]);
  const problem = useSignal("");
  const missing = useSignal(false);
  const busy = useRef(false);
  const last = useRef(0);
  const seen = useRef(cursor.peek());
  const explained = useRef(0);
  const timer = useRef(0);

  async function loadLogs(): Promise<void> {
    for (;;) {
      const after = lines.peek().at(-1)?.seq ?? 0;
      const got = (await api.logs(id, after)).lines;
      if (got.length) lines.value = [...lines.peek(), ...got];
      if (got.length < PAGE) return;
    }
  }

  async function load(): Promise<void> {
    clearTimeout(timer.current);
    timer.current = 0;
    if (busy.current) return;
    busy.current = true;
    seen.current = cursor.peek();
    last.current = Date.now();
    try {
      const before = job.peek();
      const after = await api.details(id);
      job.value = after;
      problem.value = "";
      const moved = before?.updatedAt !== after.updatedAt || before.status !== after.status;
      if (moved || after.status === "PROCESSING") await loadLogs();
      if (isFinal(after.status)) reasons.value = [];
      else if (moved || isWaiting(after.status) || Date.now() - explained.current >= EXPLAIN) {
        explained.current = Date.now();
        reasons.value = (await api.explain(id)).reasons.filter(({ code }) => !ELSEWHERE.has(code));
      }
    } catch (error) {
      missing.value = error instanceof api.Refused && error.status === 404;
      problem.value = missing.value ? "" : explainError(error);
    } finally {
      busy.current = false;
    }
    if (job.peek()?.status === "PROCESSING" && !paused.peek()) plan(WATCH);
  }

  function plan(ms: number): void {
    if (!timer.current) timer.current = window.setTimeout(() => void watch(), ms);
  }

  async function watch(): Promise<void> {
    timer.current = 0;
    if (!document.hidden) await load();
  }

  useEffect(() => {
    job.value = null;
    lines.value = [];
    missing.value = false;
    void load();
    return () => clearTimeout(timer.current);
  }, [id]);
  useSignalEffect(() => {
    // an ended job changes only if somebody retries it: look less often
    const gap = job.peek() && isFinal(job.peek()!.status) ? 5 * WATCH : WATCH / 2;
    if (cursor.value !== seen.current && job.peek())
      plan(Math.max(0, last.current + gap - Date.now()));
  });
  useSignalEffect(() => {
    // a deleted job is left, not looked at
    if (touched.value && touched.value.what !== "delete") void load();
  });
  return { job, lines, reasons, problem, missing };
}
