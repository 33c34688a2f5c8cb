// The command palette's thinking: what fits what was typed, the best first.

import type { IconName } from "./components/icons";

export interface Command {
  /** What it does, or where it leads. */
  text: string;
  /** Other words that find it. */
  words?: string;
  icon: IconName;
  /** The keys that do the same. */
  keys?: string;
  run: () => void;
}

const WORD = /[\p{L}\p{N}]+/gu;
const SHOWN = 50;

/** How well `text` fits a typed word: from its beginning, from a word's, from within; else 0. */
function fit(text: string, typed: string): number {
  const found = text.toLowerCase();
  if (found.startsWith(typed)) return 3;
  if (found.match(WORD)?.some((word) => word.startsWith(typed))) return 2;
  return found.includes(typed) ? 1 : 0;
}

/** How well a command fits all that was typed; 0: not at all. */
export function score(command: Command, typed: string): number {
  const parts = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = parts.map((part) =>
    Math.max(2 * fit(command.text, part), fit(command.words ?? "", part)),
  );
  return fits.includes(0) ? 0 : fits.reduce((sum, each) => sum + each, 1);
}

/** Those that fit, the best first; among equals in their order. */
export const matching = (commands: readonly Command[], typed: string): Command[] =>
  commands
    .map((command) => ({ command, score: score(command, typed) }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, SHOWN)
    .map(({ command }) => command);
