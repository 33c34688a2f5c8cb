import { RANGES, type Form, type NumberField, type Options } from "../draft";
import { t } from "../i18n";
import { AFTER_FAILED, ON_CONFLICT, type Params } from "../types";
import { CheckField, SelectField, TextField } from "./fields";

const FIELDS = ["maxRetries", "timeout", "priority", "retryDelay", "cap"] as const;

/** What applies where a field stays empty. */
function usual(defaults: Params, field: (typeof FIELDS)[number]): string {
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

const outside = (field: NumberField): string =>
  t("wrong.number", { from: RANGES[field][0], to: RANGES[field][1] });

interface Props<F> {
  form: F;
  wrong: readonly string[];
  onChange: (change: Partial<F>) => void;
}

/** The options that every job can have; what stays empty is left to the performer. */
export const JobOptions = ({
  form,
  wrong,
  defaults,
  onChange,
}: Props<Options> & { defaults: Params }) => (
  <>
    {FIELDS.filter((field) => field !== "cap" || form.exponential).map((field) => (
      <TextField
        key={field}
        name={field}
        label={t(`option.${field}`)}
        inputMode="decimal"
        value={form[field]}
        placeholder={usual(defaults, field)}
        problem={wrong.includes(field) && outside(field)}
        onValue={(value) => onChange({ [field]: value })}
      />
    ))}
    <CheckField
      name="exponential"
      label={t("option.exponential")}
      value={form.exponential}
      onValue={(exponential) => onChange({ exponential })}
    />
    <TextField
      name="concurrencyKey"
      label={t("option.concurrencyKey")}
      value={form.concurrencyKey}
      maxLength={200}
      placeholder={defaults.concurrencyKey}
      onValue={(concurrencyKey) => onChange({ concurrencyKey })}
    />
  </>
);

/** The options of a single job: when, after which others, and whether it may be there twice. */
export function MoreOptions({ form, wrong, onChange }: Props<Form>) {
  const field = (name: "firstDelay" | "within" | "after" | "uniqueKey" | "by" | "states") => ({
    name,
    label: t(`option.${name}`),
    value: form[name],
    onValue: (value: string) => onChange({ [name]: value }),
  });
  const problem = (name: NumberField) => wrong.includes(name) && outside(name);
  return (
    <>
      <TextField
        {...field("firstDelay")}
        inputMode="decimal"
        disabled={form.at !== ""}
        problem={problem("firstDelay")}
      />
      <TextField
        name="at"
        label={t("option.at")}
        type="datetime-local"
        value={form.at}
        disabled={form.firstDelay !== ""}
        onValue={(at) => onChange({ at })}
      />
      <div class="whole">
        <TextField
          {...field("after")}
          placeholder={t("option.after.example")}
          problem={wrong.includes("after") && t("wrong.ids")}
        />
      </div>
      {form.after.trim() && (
        <SelectField
          name="afterFailed"
          label={t("option.afterFailed")}
          value={form.afterFailed}
          options={[
            ["", t("usual")],
            ...AFTER_FAILED.map((each) => [each, t(`afterFailed.${each}`)] as const),
          ]}
          onValue={(afterFailed) => onChange({ afterFailed })}
        />
      )}
      <SelectField
        name="unique"
        label={t("option.unique")}
        value={form.unique}
        options={[
          ["", t("usual")],
          ["yes", t("unique.yes")],
          ["no", t("unique.no")],
        ]}
        onValue={(unique) => onChange({ unique })}
      />
      {form.unique === "yes" && (
        <>
          <SelectField
            name="onConflict"
            label={t("option.onConflict")}
            value={form.onConflict}
            options={[
              ["", t("usual")],
              ...ON_CONFLICT.map((each) => [each, t(`onConflict.${each}`)] as const),
            ]}
            onValue={(onConflict) => onChange({ onConflict })}
          />
          <TextField {...field("by")} placeholder="payload.user.id" />
          <TextField {...field("uniqueKey")} maxLength={200} />
          <TextField {...field("within")} inputMode="decimal" problem={problem("within")} />
          <TextField
            {...field("states")}
            placeholder="PENDING PROCESSING"
            problem={wrong.includes("states") && t("wrong.states")}
          />
        </>
      )}
    </>
  );
}
