import { t } from "../i18n";
import { announcement, dismiss, notices } from "../notices";
import { Button } from "./button";

/** Messages at the edge of the page, and what only screen readers hear. */
export const Notices = () => (
  <>
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.id} class={notice.bad ? "notice bad" : "notice"}>
          <p>
            {notice.text}
            {notice.link && (
              <>
                {" "}
                <a href={notice.link.href}>{notice.link.text}</a>
              </>
            )}
          </p>
          <Button kind="quiet" icon="close" label={t("close")} onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
    <p class="unseen" aria-live="polite">
      {announcement.value}
    </p>
  </>
);
