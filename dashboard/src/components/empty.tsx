import { composing } from "../actions";
import { t } from "../i18n";
import { href } from "../router";
import { may } from "../session";
import type { Listing } from "../listing";
import { Button } from "./button";
import { Code } from "./code";

/** Nothing was ever enqueued: show how, and wait for it. */
export const FirstRun = ({ binding }: { binding: string }) => (
  <section class="empty first">
    <h2>{t("first.title")}</h2>
    <p>{t("first.detail")}</p>
    <Code
      text={[
        "from kiribi import Kiribi",
        `async with Kiribi.connect("sqlite:///jobs.db") as kiribi:`,
        `    await kiribi.enqueue("${binding}", {"hello": "world"})`,
      ].join("\n")}
    />
    <p class="muted">{t("first.terminal")}</p>
    <Code text={`kiribi enqueue ${binding} '{"hello": "world"}'`} />
    {may("jobs.enqueue") && (
      <p>
        <Button kind="main" icon="plus" onClick={() => (composing.value = { binding })}>
          {t("first.here")}
        </Button>
      </p>
    )}
    <p class="listening" role="status">
      <span class="dot" />
      {t("first.listening")}
    </p>
  </section>
);

/** Nothing matches, as far as was looked. */
export const NothingFound = ({ listing }: { listing: Listing }) => (
  <section class="empty">
    <h2>{t(listing.stoppedAt ? "nothing.yet" : "nothing.title")}</h2>
    <p>
      <a href={href("jobs")}>{t("nothing.clear")}</a>
    </p>
  </section>
);
