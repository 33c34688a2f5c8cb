import { useId } from "preact/hooks";
import { RANGES, type Form, type NumberField } from "../draft";
import { t } from "../i18n";
import type { Params } from "../types";
import { Labelled } from "./labelled";

const FIELDS = ["maxRetries", "firstDelay", "retryDelay", "cap", "timeout", "priority"] as const;

/** What applies where a field stays empty. */
function usual(defaults: Params, field: NumberField): string {
  const { retryDelay } = defaults;
  const grows = typeof retryDelay === "object";
  const value =
    field === "retryDelay"
      ? grows
        ? retryDelay.base
        : retryDelay
      : field === "cap"
        ? grows && retryDelay.cap
        : defaults[field];
  return typeof value === "number" ? String(value) : "";
}

interface Props {
  form: Form;
  wrong: readonly string[];
  defaults: Params;
  onChange: (change: Partial<Form>) => void;
}

/** The options of a new job; what stays empty is left to the performer. */
export function JobOptions({ form, wrong, defaults, onChange }: Props) {
  const id = useId();
  const shown = FIELDS.filter((field) => field !== "cap" || form.exponential);
  return (
    <div class="options">
      {shown.map((field) => (
        <Labelled
          key={field}
          id={`${id}-${field}`}
          label={t(`option.${field}`)}
          problem={
            wrong.includes(field) &&
            t("wrong.number", { from: RANGES[field][0], to: RANGES[field][1] })
          }
        >
          <input
            id={`${id}-${field}`}
            name={field}
            inputMode="decimal"
            value={form[field]}
            placeholder={usual(defaults, field)}
            disabled={field === "firstDelay" && form.at !== ""}
            onInput={(event) => onChange({ [field]: event.currentTarget.value })}
            aria-invalid={wrong.includes(field)}
            aria-describedby={`${id}-${field}-note`}
          />
        </Labelled>
      ))}
      <Labelled id={`${id}-at`} label={t("option.at")}>
        <input
          id={`${id}-at`}
          name="at"
          type="datetime-local"
          value={form.at}
          disabled={form.firstDelay !== ""}
          onInput={(event) => onChange({ at: event.currentTarget.value })}
        />
      </Labelled>
      <label class="check">
        <input
          type="checkbox"
          checked={form.exponential}
          disabled={form.retryDelay === ""}
          onChange={(event) => onChange({ exponential: event.currentTarget.checked })}
        />
        {t("option.exponential")}
      </label>
    </div>
  );
}
