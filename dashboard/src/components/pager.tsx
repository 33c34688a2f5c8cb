import { t } from "../i18n";
import type { Listing } from "../listing";
import { further } from "../listings";
import { canGoBack, href } from "../router";
import { local } from "../time";
import { Button } from "./button";
import { Icon } from "./icons";

interface Props {
  listing: Listing;
  text: string;
  before: string | null;
  loading: boolean;
}

/** Further back in time, page by page; or how far a search looked, and whether to go on. */
export function Pager({ listing, text, before, loading }: Props) {
  const { next, stoppedAt } = listing;
  return (
    <nav class="pager" aria-label={t("pager")}>
      {before !== null && (
        <>
          <a class="button" href={href("jobs", { q: text })}>
            {t("pager.newest")}
          </a>
          {canGoBack() && (
            <Button icon="left" onClick={() => history.back()}>
              {t("pager.newer")}
            </Button>
          )}
        </>
      )}
      {stoppedAt && (
        <p>
          {t("lookedBack", { time: local(Date.parse(stoppedAt)) })}{" "}
          {next && (
            <Button disabled={loading} onClick={() => void further()}>
              {t("lookFurther")}
            </Button>
          )}
        </p>
      )}
      {next && !stoppedAt && (
        <a class="button" href={href("jobs", { q: text, before: next })}>
          <span>{t("pager.older")}</span>
          <Icon name="right" />
        </a>
      )}
    </nav>
  );
}
