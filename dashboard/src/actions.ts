// Doing something to jobs, from wherever it was asked, and saying what came of it.

import { signal } from "@preact/signals";
import * as api from "./api";
import type { IconName } from "./components/icons";
import { number, t, tn } from "./i18n";
import { ACTION_ICON, allows, CAPABILITY, KIND, narrowed, ROUTE, type Action } from "./lifecycle";
import { beat } from "./live";
import { notify } from "./notices";
import { href } from "./router";
import { may } from "./session";
import type { Filter, Job, Json, Params } from "./types";

/** The last thing this page did, so that what shows jobs looks again at once. */
export const touched = signal<{ what: Action | "enqueue" | "other" } | null>(null);

/** A question waiting for its answer. */
export interface Question {
  title: string;
  /** What it is about: names, or a search. */
  about: string;
  detail?: string;
  verb: string;
  icon: IconName;
  /** Something is lost by a yes. */
  danger: boolean;
  /** What must be typed for a yes. */
  type?: string;
  answer: (yes: boolean) => void;
}
export const question = signal<Question | null>(null);

export interface Draft {
  binding: string;
  payload: Json;
  params: Params;
}

/** The new-job dialog: closed, or open with what it starts from. */
export const composing = signal<Partial<Draft> | null>(null);

export const confirmed = (asked: Omit<Question, "answer">): Promise<boolean> =>
  new Promise((answer) => {
    question.value = { ...asked, answer };
  });

/** More than so many are destroyed only by who has typed how many they are. */
const MANY = 100;

/** Whether `action` is meant: on so many jobs, or `more`. */
const meant = (action: Action, count: number, more: boolean, about: string): Promise<boolean> => {
  const danger = action === "delete" || action === "cancel";
  return confirmed({
    title: tn(`confirm.${action}`, count, { number: `${number(count)}${more ? "+" : ""}` }),
    about,
    ...(action === "delete" && { detail: t("confirm.delete.detail") }),
    verb: t(`action.${action}`),
    icon: ACTION_ICON[action],
    danger,
    ...(danger && (count > MANY || more) && { type: String(count) }),
  });
};

const names = (jobs: readonly Job[]): string =>
  [...new Set(jobs.map((job) => job.binding))].slice(0, 5).join(", ");

export function explainError(error: unknown): string {
  if (error instanceof api.Unreachable) return t("error.unreachable");
  if (error instanceof api.Refused) return error.message;
  throw error;
}

/** Begin `action` on every job of `filter` that allows it; whether it has begun. */
export async function actOnAll(action: Action, filter: Filter, about: string): Promise<boolean> {
  if (!may(CAPABILITY[action])) return false;
  const fitting = narrowed(filter, action);
  try {
    const { count, exact } = fitting ? await api.count(fitting) : { count: 0, exact: true };
    if (!fitting || (count === 0 && exact)) {
      notify(t(`none.${action}`));
      return false;
    }
    if (!(await meant(action, count, !exact, about))) return false;
    await api.begin(KIND[action], fitting);
    const link = { href: href("actions"), text: t("nav.actions") };
    notify(t("bulk.begun"), { link });
    touched.value = { what: "other" };
    void beat();
    return true;
  } catch (error) {
    notify(explainError(error), { bad: true });
    return false;
  }
}

/** Hold a binding's jobs back, or let them go on. */
export async function switchBinding(name: string, to: "pause" | "resume"): Promise<void> {
  await told(async () => {
    await api.switchBinding(name, to);
    return t(`done.${to}`, { binding: name });
  });
}

/** Take back the jobs of workers that were lost; refused where `id` is none of them. */
export const recoverLost = (id?: string): Promise<void> =>
  told(async () => tn("done.recover", (await api.recover(id)).count));

/** Do it, say what came of it, and look again. */
export async function told(work: () => Promise<string>): Promise<void> {
  try {
    notify(await work());
    touched.value = { what: "other" };
    void beat();
  } catch (error) {
    notify(explainError(error), { bad: true });
  }
}

/** Do `action` to those of `jobs` that allow it; whether anything was done. */
export async function act(action: Action, jobs: readonly Job[]): Promise<boolean> {
  if (!may(CAPABILITY[action])) return false;
  const fitting = jobs.filter((job) => allows(job, action));
  if (fitting.length === 0) {
    notify(t(`none.${action}`));
    return false;
  }
  if (action === "delete" && !(await meant(action, fitting.length, false, names(fitting))))
    return false;
  try {
    const ids = fitting.map((job) => job.id);
    const { done, skipped } = await api.bulk(ROUTE[action], ids);
    const said = done.length ? [tn(`done.${action}`, done.length)] : [];
    const reasons = [...new Set(skipped.map(({ reason }) => reason))].slice(0, 3);
    if (skipped.length) said.push(tn("skipped", skipped.length, { reasons: reasons.join("; ") }));
    notify(said.join(" "), { bad: done.length === 0 });
    touched.value = { what: action };
    void beat();
    return done.length > 0;
  } catch (error) {
    notify(explainError(error), { bad: true });
    return false;
  }
}
