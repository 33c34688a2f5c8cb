// Who is looking, and what they may do.

import { computed, signal } from "@preact/signals";
import * as api from "./api";
import { remember, remembered } from "./memory";
import type { Me } from "./types";

export const me = signal<Me | null>(null);

/** Whether this browser was signed in by the page, and so can sign out. */
export const signedIn = signal(remembered("session") === "yes");

function keepSession(yes: boolean): void {
  signedIn.value = yes;
  remember("session", yes ? "yes" : "no");
}

export const version = computed(() => me.value?.version ?? "");

/** Whether the reader may do `capability`; nothing until the server has said so. */
export const may = (capability: string): boolean =>
  me.value !== null && !me.value.readOnly && me.value.capabilities.includes(capability);

export async function identify(): Promise<void> {
  me.value = await api.me();
  api.signedOut.value = false;
}

export async function signIn(token: string): Promise<void> {
  await api.login(token);
  keepSession(true);
  await identify();
}

export async function signOut(): Promise<void> {
  await api.logout();
  keepSession(false);
  me.value = null;
  api.signedOut.value = true;
}
