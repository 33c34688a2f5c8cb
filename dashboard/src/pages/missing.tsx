import { t } from "../i18n";
import { href } from "../router";

export const MissingPage = () => (
  <section class="empty">
    <h1>{t("missing.title")}</h1>
    <p>{t("missing.detail")}</p>
    <p>
      <a href={href("jobs")}>{t("missing.jobs")}</a>
    </p>
  </section>
);
