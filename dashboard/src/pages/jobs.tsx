import { useSignalEffect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { act, actOnAll, touched } from "../actions";
import { BulkBar } from "../components/bulkbar";
import { FirstRun, NothingFound } from "../components/empty";
import { Button } from "../components/button";
import { ColumnPicker } from "../components/columnpicker";
import { JobTable } from "../components/jobtable";
import { Pager } from "../components/pager";
import { SearchBar } from "../components/searchbar";
import { StatusTabs } from "../components/statustabs";
import { ViewPicker } from "../components/viewpicker";
import { t, tn } from "../i18n";
import { useKeys } from "../keys";
import type { Action } from "../lifecycle";
import { pulse } from "../live";
import {
  failure,
  leave,
  listing,
  loading,
  open,
  refresh,
  refreshSoon,
  reveal,
  shownFilter,
} from "../listings";
import { PAGE } from "../listing";
import { announce } from "../notices";
import { parse } from "../query";
import { go, href, place } from "../router";
import { focused, links, useRowKeys } from "../rows";
import { all, kept, NOTHING, toggled } from "../selection";
import { me } from "../session";
import type { Job } from "../types";

/** The row that was opened last: coming back continues there. */
let left: string | null = null;

/** Search, look through and act on jobs. */
export function JobsPage() {
  const text = place.value.query.get("q") ?? "";
  const before = place.value.query.get("before");
  const terms = parse(text);
  const current = listing.value;
  const [chosen, choose] = useState(NOTHING);
  const [everything, setEverything] = useState(false);
  const setSelection = (selection: typeof NOTHING) => {
    setEverything(false);
    choose(selection);
  };
  const rows = current?.rows ?? [];
  const order = rows.map((job) => job.id);
  const selection = kept(chosen, order);
  const picked = rows.filter((job) => selection.ids.has(job.id) && !current?.gone.has(job.id));
  const selectable = me.value !== null && !me.value.readOnly;

  useEffect(() => {
    setSelection(NOTHING);
    void open(text, before);
  }, [text, before]);
  useSignalEffect(refreshSoon);
  useSignalEffect(() => {
    if (touched.value) void refresh();
  });
  const view = place.value.query.get("view") ?? t("nav.jobs");
  useEffect(() => {
    document.title = `${view} · Kiribi`;
  }, [view]);
  useEffect(() => {
    const row = links().find((link) => link.closest("tr")?.dataset.id === left);
    row?.focus();
    left = null;
    return leave;
  }, []);
  useEffect(() => {
    if (current && !loading.value) announce(tn("found", current.rows.length));
  }, [current === null, text, before, loading.value]);

  const openJob = (id: string) => {
    left = id;
    go(href(`jobs/${id}`));
  };
  const targets = (): Job[] => {
    const one = rows[focused()];
    return picked.length ? picked : one ? [one] : [];
  };
  const doing = (action: Action) => () => {
    const jobs = targets();
    if (everything)
      void actOnAll(action, shownFilter(), text || t("status.all")).then(
        (begun) => begun && setSelection(NOTHING),
      );
    else if (jobs.length) void act(action, jobs).then((done) => done && setSelection(NOTHING));
  };
  const select = (id: string, range: boolean) => setSelection(toggled(selection, id, range, order));
  useRowKeys();
  useKeys({
    ...(selectable && {
      x: () => {
        const one = rows[focused()];
        if (one) select(one.id, false);
      },
      r: doing("retry"),
      c: doing("cancel"),
      d: doing("delete"),
    }),
    ".": reveal,
    Escape: () => setSelection(NOTHING),
  });

  const beat = pulse.value;
  const total = beat && Object.values(beat.counts).reduce((sum, count) => sum + count, 0);
  const first = total === 0 && rows.length === 0 && !text;
  return (
    <>
      <h1 class="unseen">{t("nav.jobs")}</h1>
      <StatusTabs pulse={beat} terms={terms} />
      <div class="finding">
        <SearchBar terms={terms} />
        <ViewPicker query={text} />
        <ColumnPicker />
      </div>
      {failure.value && !loading.value && (
        <p class="problem" role="alert">
          {failure.value}
        </p>
      )}
      <div
        class="found"
        onClick={(event) => {
          const link = (event.target as Element).closest("td.name a");
          if (link) left = link.closest("tr")?.dataset.id ?? null;
        }}
      >
        {current && current.fresh.length > 0 && (
          <div class="fresh">
            <Button icon="up" shortcut="." onClick={reveal}>
              {current.fresh.length >= PAGE
                ? t("fresh.many", { count: PAGE })
                : tn("fresh", current.fresh.length)}
            </Button>
          </div>
        )}
        {first ? (
          <FirstRun binding={beat?.bindings[0]?.binding ?? "SEND_MAIL"} />
        ) : current === null ? (
          !failure.value && <p class="starting">{t("starting")}</p>
        ) : rows.length === 0 ? (
          <NothingFound listing={current} />
        ) : (
          <JobTable
            listing={current}
            loading={loading.value}
            selection={selection}
            selectable={selectable}
            onSelect={select}
            onSelectAll={(tick) => setSelection(tick ? all(order) : NOTHING)}
            onOpen={openJob}
          />
        )}
        {current && !first && (
          <Pager listing={current} text={text} before={before} loading={loading.value} />
        )}
      </div>
      <BulkBar
        jobs={picked}
        more={picked.length === rows.length && Boolean(current?.next ?? before)}
        everything={everything ? text : null}
        onEverything={() => setEverything(true)}
        onClear={() => setSelection(NOTHING)}
      />
    </>
  );
}
