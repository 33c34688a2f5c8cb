// The words, from JSON catalogues, in the reader's language.

import { signal } from "@preact/signals";
import en from "./locales/en.json";
import ja from "./locales/ja.json";
import { remembered, remember } from "./memory";

const CATALOGUES = { en, ja } as const;
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES: Record<Language, string> = { en: "English", ja: "日本語" };

export type Key = keyof typeof en;
/** Keys with a form for each plural. */
export type PluralKey = Key extends infer K ? (K extends `${infer B}.other` ? B : never) : never;
type Values = Record<string, string | number>;

const isLanguage = (text: string | null): text is Language => text !== null && text in CATALOGUES;

function preferred(): Language {
  const chosen = remembered("language");
  if (isLanguage(chosen)) return chosen;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? "en";
}

export const language = signal<Language>(preferred());

export function speak(chosen: Language): void {
  remember("language", chosen);
  language.value = chosen;
}

const filled = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number(value) : value;
  });

/** The text of `key`, its `{names}` filled in. */
export const t = (key: Key, values: Values = {}): string =>
  filled(CATALOGUES[language.value][key], values);

/** The text of `key` for this many. */
export function tn(key: PluralKey, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(language.value).select(count);
  return t(`${key}.${rule === "one" ? "one" : "other"}` as Key, { ...values, count });
}

/** What the server said in English, in the reader's language where the catalogue knows its code. */
export const said = (key: string, english: string): string =>
  (CATALOGUES[language.value] as Record<string, string>)[key] ?? english;

export const number = (value: number): string =>
  new Intl.NumberFormat(language.value).format(value);
