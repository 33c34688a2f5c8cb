// Light, dark, or as the system says.

import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "./memory";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const theme = signal<Theme>(THEMES.find((each) => each === remembered("theme")) ?? "system");

const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
export const dark = computed(() =>
  theme.value === "system" ? systemDark.value : theme.value === "dark",
);

export function startTheme(): void {
  system.addEventListener("change", () => (systemDark.value = system.matches));
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    remember("theme", theme.value);
  });
}
