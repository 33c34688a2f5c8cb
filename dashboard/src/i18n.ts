// The words, from JSON catalogues, in the reader's language: only that one is loaded.

import { signal } from "@preact/signals";
import en from "./locales/en.json?url";
import type words from "./locales/en.json";
import ja from "./locales/ja.json?url";
import { remembered, remember } from "./memory";

const CATALOGUES = { en, ja } as const;
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES: Record<Language, string> = { en: "English", ja: "日本語" };

export type Key = keyof typeof words;
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

const AGAIN = 2_000;

let catalogue: Record<string, string> = {};
export const language = signal<Language>("en");

async function learn(chosen: Language): Promise<void> {
  const answer = await fetch(CATALOGUES[chosen]);
  if (!answer.ok) throw new Error(`no catalogue: ${answer.status}`);
  catalogue = (await answer.json()) as typeof catalogue;
  language.value = chosen;
}

/** Speak the language that was chosen before, else the browser's, else English. */
export async function startLanguage(): Promise<void> {
  for (;;) {
    try {
      return await learn(preferred());
    } catch (error) {
      await new Promise((resume) => setTimeout(resume, AGAIN));
      // the server went away while the page was loading, or came back with another build
      if (!(error instanceof TypeError)) location.reload();
    }
  }
}

/** Whether the language could be had. */
export async function speak(chosen: Language): Promise<boolean> {
  try {
    await learn(chosen);
  } catch {
    return false;
  }
  remember("language", chosen);
  return true;
}

/** What the catalogue says; reading the signal makes who shows it follow the language. */
const word = (key: string): string | undefined => (language.value ? catalogue[key] : undefined);

const filled = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number(value) : value;
  });

/** The text of `key`, its `{names}` filled in. */
export const t = (key: Key, values: Values = {}): string => filled(word(key) ?? key, values);

/** The text of `key` for this many. */
export function tn(key: PluralKey, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(language.value).select(count);
  return t(`${key}.${rule === "one" ? "one" : "other"}` as Key, { ...values, count });
}

/** What the server said in English, in the reader's language where the catalogue knows its code. */
export function said(key: string, english: string, told: Record<string, unknown> = {}): string {
  const text = word(key);
  if (text === undefined) return english;
  const plain = Object.entries(told).filter(([, value]) =>
    ["string", "number"].includes(typeof value),
  );
  return filled(text, Object.fromEntries(plain) as Values);
}

export const number = (value: number): string =>
  new Intl.NumberFormat(language.value).format(value);
