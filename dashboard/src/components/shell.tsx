import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { composing } from "../actions";
import { t } from "../i18n";
import { CHORD, useKeys } from "../keys";
import { beat, link, paused, refusal } from "../live";
import { SECTIONS, sectionOf } from "../pages";
import { go, href, place } from "../router";
import { may, me } from "../session";
import { Button } from "./button";
import { Confirm } from "./confirm";
import { Help, helping } from "./help";
import { Icon } from "./icons";
import { LimitsEditor, limiting } from "./limitseditor";
import { NewJob } from "./newjob";
import { Notices } from "./notices";
import { choosing, Palette } from "./palette";
import { Preferences } from "./preferences";
import { ScheduleEditor, scheduling } from "./scheduleeditor";

const Brand = () => (
  <a class="brand" href={href("")}>
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M10 7v18M22.5 8 12 17.5 22.5 25" />
    </svg>
    Kiribi
  </a>
);

function Nav() {
  const nav = useRef<HTMLElement>(null);
  const { path: here } = place.value;
  // on a phone the pages are a row that scrolls; scrollIntoView would move where Tab goes on
  useEffect(() => {
    const row = nav.current;
    const current = row?.querySelector("[aria-current]")?.getBoundingClientRect();
    if (row && current)
      row.scrollLeft += (current.left + current.right - row.clientWidth) / 2 - row.offsetLeft;
  }, [here]);
  return (
    <nav ref={nav} aria-label={t("nav")}>
      {SECTIONS.map(({ path, nav }) => (
        <a
          key={path}
          href={href(path)}
          aria-current={sectionOf(here) === path ? "page" : undefined}
          aria-keyshortcuts={`g ${nav.key}`}
        >
          {t(nav.text)}
        </a>
      ))}
    </nav>
  );
}

/** Whether the page is up to date, and the switch that holds it still. */
const LiveSwitch = () => (
  <button
    type="button"
    class={`button quiet live is-${link.value}`}
    aria-pressed={paused.value}
    aria-label={t(`link.${link.value}`)}
    title={t(paused.value ? "live.resume" : "live.pause")}
    onClick={() => (paused.value = !paused.value)}
  >
    <span class="dot" />
    <span class="label">{t(`link.${link.value}`)}</span>
  </button>
);

const Lost = () =>
  link.value === "lost" ? (
    <div class="banner" role="alert">
      <Icon name="offline" />
      <p>{refusal.value || t("lost")}</p>
      <Button onClick={() => void beat()}>{t("lost.now")}</Button>
    </div>
  ) : null;

const field = (): HTMLElement | null => document.querySelector(".searchbar input");

/** To the search, from wherever we are. */
function search(): void {
  // at once where it can be: the next key may be the first of the search
  if (field()) return field()?.focus();
  go(href("jobs"));
  requestAnimationFrame(() => field()?.focus());
}

/** What surrounds every page. */
export function Shell({ children }: { children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  useKeys({
    "/": search,
    "?": () => (helping.value = true),
    ...(may("jobs.enqueue") && { n: () => (composing.value = {}) }),
    ...Object.fromEntries(SECTIONS.map(({ path, nav }) => [`g ${nav.key}`, () => go(href(path))])),
  });
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("skip")}
      </a>
      <header class="top">
        <Brand />
        <Nav />
        <div class="tools">
          {me.value?.readOnly && <span class="tag">{t("readOnly")}</span>}
          <LiveSwitch />
          {may("jobs.enqueue") && (
            <Button kind="main" icon="plus" shortcut="n" onClick={() => (composing.value = {})}>
              {t("new")}
            </Button>
          )}
          <Button
            kind="quiet"
            icon="search"
            label={t("palette")}
            shortcut={CHORD.replace(" ", "+")}
            onClick={() => (choosing.value = true)}
          />
          <Button
            kind="quiet"
            icon="help"
            label={t("help.title")}
            shortcut="?"
            onClick={() => (helping.value = true)}
          />
          <Preferences />
        </div>
      </header>
      <Lost />
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      <Notices />
      <Help />
      <Confirm />
      <Palette />
      {composing.value && <NewJob start={composing.value} />}
      {scheduling.value && <ScheduleEditor {...scheduling.value} />}
      {limiting.value && <LimitsEditor of={limiting.value} />}
    </>
  );
}
