// Light, dark, or as the system says.

import { effect, signal } from "@preact/signals";
import { remember, remembered } from "./memory";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const theme = signal<Theme>(THEMES.find((each) => each === remembered("theme")) ?? "system");

export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    remember("theme", theme.value);
  });
}
