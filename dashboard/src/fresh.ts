// What a page shows of the server, asked again when something has changed, and not too often.

import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { explainError, touched } from "./actions";
import { paused, pulse } from "./live";

export interface Fresh<T> {
  value: Signal<T | null>;
  /** Why there is nothing new. */
  problem: Signal<string>;
}

/**
 * The answer to `ask`, current.
 *
 * @param key another one asks at once.
 * @param gap milliseconds between two asks that nobody waits for.
 * @param anyway milliseconds after an answer until it is asked though no pulse says so; 0: never.
 */
export function useFresh<T>(
  ask: () => Promise<T>,
  key: string,
  gap: number,
  anyway: (answer: T | null) => number = () => 0,
): Fresh<T> {
  const value = useSignal<T | null>(null);
  const problem = useSignal("");
  const latest = useRef({ ask, anyway });
  latest.current = { ask, anyway };
  const turn = useRef(0);
  const timer = useRef(0);
  const last = useRef(0);
  const seen = useRef(pulse.peek());

  const plan = (ms: number): void => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      if (document.hidden || paused.peek()) plan(gap);
      else void again();
    }, ms);
  };

  async function again(): Promise<void> {
    clearTimeout(timer.current);
    timer.current = 0;
    const mine = ++turn.current;
    seen.current = pulse.peek();
    last.current = Date.now();
    try {
      const answer = await latest.current.ask();
      if (mine === turn.current) [value.value, problem.value] = [answer, ""];
    } catch (error) {
      const said = explainError(error);
      if (mine === turn.current) problem.value = said;
    }
    if (mine !== turn.current) return;
    if (pulse.peek() !== seen.current) soon();
    else {
      const ms = latest.current.anyway(value.peek());
      if (ms) plan(ms);
    }
  }

  const soon = (): void => plan(Math.max(0, last.current + gap - Date.now()));

  useEffect(() => {
    void again();
    return () => {
      clearTimeout(timer.current);
      turn.current += 1;
    };
  }, [key]);
  useSignalEffect(() => {
    if (pulse.value !== seen.current && last.current) soon();
  });
  useSignalEffect(() => {
    if (touched.value) void again();
  });
  return { value, problem };
}
