// j and k: from row to row of the page's tables and lists.

import { useKeys } from "./keys";

/** What takes the focus for its row. */
export const links = (): HTMLElement[] =>
  [...document.querySelectorAll("table.list tbody tr:not(.trace), .rows > li")].flatMap(
    (row) => row.querySelector<HTMLElement>("a, button") ?? [],
  );

/** Which row has the focus; -1: none. */
export const focused = (): number =>
  links().findIndex((link) => link.closest("tr, li")?.contains(document.activeElement));

function move(step: number): void {
  const all = links();
  const to = Math.min(Math.max(focused() + step, 0), all.length - 1);
  all[to]?.focus();
  all[to]?.closest("tr, li")?.scrollIntoView({ block: "nearest" });
}

export const useRowKeys = (): void => useKeys({ j: () => move(1), k: () => move(-1) });

/** Presses the button of that kind in the row that has the focus. */
export function pressInRow(selector: string): void {
  document.activeElement?.closest("tr")?.querySelector<HTMLElement>(selector)?.click();
}
