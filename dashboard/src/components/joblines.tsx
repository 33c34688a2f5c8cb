import { t, type Key, type PluralKey } from "../i18n";
import { href } from "../router";
import type { Job } from "../types";
import { LastWord } from "./jobrow";
import { ShortId } from "./shortid";
import { Age, Running } from "./when";

interface Props {
  title: Exclude<Key, PluralKey>;
  none: Exclude<Key, PluralKey>;
  jobs: readonly Job[] | null;
  /** Leads to all of them. */
  query: string;
}

/** A few jobs, a line each. */
export const JobLines = ({ title, none, jobs, query }: Props) => (
  <section class="card joblines">
    <header>
      <h2>{t(title)}</h2>
      <a href={href("jobs", { q: query })} aria-label={`${t("seeAll")}: ${t(title)}`}>
        {t("seeAll")}
      </a>
    </header>
    {jobs?.length === 0 && <p class="muted">{t(none)}</p>}
    {jobs && jobs.length > 0 && (
      <ul class="rows">
        {jobs.map((job) => (
          <li key={job.id}>
            <a href={href(`jobs/${job.id}`)}>
              <b>{job.binding}</b> <ShortId of={job.id} />
            </a>
            <LastWord job={job} />
            <span class="when figures muted">
              {job.status === "PROCESSING" && job.startedAt ? (
                <Running since={job.startedAt} />
              ) : (
                <Age of={job.updatedAt} />
              )}
            </span>
          </li>
        ))}
      </ul>
    )}
  </section>
);
