import { hidden } from "../columns";
import { t } from "../i18n";
import type { Listing } from "../listing";
import type { Selection } from "../selection";
import { absolute } from "../time";
import { JobRow } from "./jobrow";

interface Props {
  listing: Listing;
  loading: boolean;
  selection: Selection;
  selectable: boolean;
  onSelect: (id: string, range: boolean) => void;
  onSelectAll: (tick: boolean) => void;
  onOpen: (id: string) => void;
}

/** The jobs found: a real table, whose rows become cards where there is no room. */
export function JobTable({ listing, loading, selection, selectable, ...act }: Props) {
  const { rows } = listing;
  const ticked = selection.ids.size;
  return (
    <table
      role="table"
      class="list jobs"
      data-hidden={hidden.value.join(" ")}
      aria-busy={loading}
      aria-label={t("nav.jobs")}
    >
      <thead role="rowgroup">
        <tr role="row">
          {selectable && (
            <th role="columnheader" scope="col" class="tick">
              <label>
                <input
                  type="checkbox"
                  aria-label={t("select.all")}
                  checked={ticked > 0 && ticked === rows.length}
                  indeterminate={ticked > 0 && ticked < rows.length}
                  onChange={(event) => act.onSelectAll(event.currentTarget.checked)}
                />
              </label>
            </th>
          )}
          <th role="columnheader" scope="col" class="state">
            {t("column.status")}
          </th>
          <th role="columnheader" scope="col" class="name">
            {t("column.job")}
          </th>
          <th role="columnheader" scope="col" class="payload">
            {t("column.payload")}
          </th>
          <th role="columnheader" scope="col" class="attempts figures">
            {t("column.attempts")}
          </th>
          <th role="columnheader" scope="col" class="age figures">
            <button
              type="button"
              title={t(absolute.value ? "age.relative" : "age.absolute")}
              onClick={() => (absolute.value = !absolute.value)}
            >
              {t(absolute.value ? "column.created" : "column.age")}
            </button>
          </th>
          <th role="columnheader" scope="col" class="took figures">
            {t("column.took")}
          </th>
          <th role="columnheader" scope="col" class="last">
            {t("column.last")}
          </th>
          <th role="columnheader" scope="col" class="priority figures">
            {t("column.priority")}
          </th>
          <th role="columnheader" scope="col" class="worker">
            {t("column.worker")}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((job) => (
          <JobRow
            key={job.id}
            job={job}
            selected={selection.ids.has(job.id)}
            gone={listing.gone.has(job.id)}
            selectable={selectable}
            onSelect={(range) => act.onSelect(job.id, range)}
            onOpen={() => act.onOpen(job.id)}
          />
        ))}
      </tbody>
    </table>
  );
}
