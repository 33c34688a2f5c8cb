// Where we are, as a signal. Paths are relative to the page's <base>, so any prefix works.

import { signal } from "@preact/signals";

const root = new URL(document.baseURI).pathname;

export interface Place {
  path: string;
  query: URLSearchParams;
}

const read = (): Place => ({
  path: location.pathname.startsWith(root)
    ? location.pathname.slice(root.length).replace(/\/$/, "")
    : "",
  query: new URLSearchParams(location.search),
});

export const place = signal<Place>(read());

/** A link to `path`; empty query values are left out, and colons stay readable. */
export function href(path: string, query: Record<string, string | null> = {}): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value)
    .map(([key, value]) => `${key}=${encoded(value ?? "")}`);
  return root + path + (pairs.length ? `?${pairs.join("&")}` : "");
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/%20/g, "+").replace(/%3A/gi, ":").replace(/%2C/gi, ",");

export function go(to: string, how: "push" | "replace" = "push"): void {
  const inner = { inner: true };
  if (how === "push") history.pushState(inner, "", to);
  else history.replaceState(history.state, "", to);
  place.value = read();
}

/** Whether the browser's Back leads to a page of ours. */
export const canGoBack = (): boolean =>
  Boolean((history.state as { inner?: boolean } | null)?.inner);

/** Follow links in place, as long as they are ours and nothing special was asked. */
export function startRouter(): void {
  addEventListener("popstate", () => {
    place.value = read();
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!link.pathname.startsWith(root) || link.pathname.startsWith(`${root}api/`)) return;
    event.preventDefault();
    if (link.href !== location.href) go(link.href);
  });
}
