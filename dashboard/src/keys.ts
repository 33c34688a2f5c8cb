// Keyboard shortcuts: single keys and two-key sequences, while nothing is being typed.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { remember, remembered } from "./memory";

export type Shortcuts = Record<string, () => void>;

/** People who dictate or use assistive input can switch single keys off (WCAG 2.1.4). */
export const shortcutsOn = signal(remembered("shortcuts") !== "off");

export function switchShortcuts(on: boolean): void {
  shortcutsOn.value = on;
  remember("shortcuts", on ? "on" : "off");
}

/** The one for the palette, as keyboards of this system have it. */
export const CHORD = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘ K" : "Ctrl K";

const active: { current: Shortcuts }[] = [];
let pending = "";

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  (target as HTMLInputElement).type !== "checkbox";

/** What a shortcut would do now. */
export const doing = (keys: string): (() => void) | undefined =>
  active.toReversed().find(({ current }) => current[keys])?.current[keys];

/** @param palette what Ctrl-K and ⌘K do, also while something is being typed. */
export function startKeys(palette: () => void): void {
  addEventListener("keydown", (event) => {
    const chord = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (chord && event.key.toLowerCase() === "k" && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      palette();
      return;
    }
    if (!shortcutsOn.value || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const sequence = pending ? `${pending} ${event.key}` : event.key;
    pending = "";
    const act = doing(sequence);
    if (act) {
      event.preventDefault();
      act();
      return;
    }
    if (
      active.some(({ current }) => Object.keys(current).some((k) => k.startsWith(`${event.key} `)))
    )
      pending = event.key;
  });
}

/** `shortcuts` hold while the component is on screen. */
export function useKeys(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    active.push(latest);
    return () => void active.splice(active.indexOf(latest), 1);
  }, []);
}
