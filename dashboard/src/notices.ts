// Short messages that come and go, and what screen readers are told.

import { signal } from "@preact/signals";

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  link?: { href: string; text: string };
}

const SHOWN = 7_000;

export const notices = signal<readonly Notice[]>([]);
export const announcement = signal("");

let count = 0;

export function notify(text: string, more: Partial<Pick<Notice, "bad" | "link">> = {}): void {
  const notice: Notice = { id: ++count, text, bad: false, ...more };
  notices.value = [...notices.value.slice(-3), notice];
  // what went wrong stays until it has been read
  if (!notice.bad) setTimeout(() => dismiss(notice.id), SHOWN);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Tell screen readers, politely. */
export function announce(text: string): void {
  announcement.value = text;
}
