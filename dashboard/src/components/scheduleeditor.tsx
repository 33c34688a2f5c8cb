import { signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { touched } from "../actions";
import * as api from "../api";
import { prose } from "../cadence";
import { t } from "../i18n";
import { useKnown } from "../known";
import { beat } from "../live";
import { notify } from "../notices";
import { changed, created, filledSchedule, scheduleProblems, when } from "../scheduleform";
import type { ScheduleForm } from "../scheduleform";
import { MISSED, type Schedule } from "../types";
import { Choice } from "./choice";
import { BindingField, CheckField, PayloadField, SelectField, TextField } from "./fields";
import { FormDialog } from "./formdialog";
import { JobOptions } from "./joboptions";
import { Preview } from "./upcoming";

/** The schedule being made or edited; null: none. */
export const scheduling = signal<{ of?: Schedule } | null>(null);

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Make a schedule, or change one that was made here. */
export function ScheduleEditor({ of }: { of?: Schedule }) {
  const [before] = useState(() => filledSchedule(zone(), of));
  const [form, setForm] = useState(before);
  const { known, problem } = useKnown();
  const zones = useId();
  const change = (part: Partial<ScheduleForm>) => setForm((now) => ({ ...now, ...part }));
  const wrong = scheduleProblems(form);
  const chosen = known.find(({ name }) => name === form.binding);
  const close = () => (scheduling.value = null);
  const words = prose(
    form.by === "every"
      ? { cron: null, every: Number(form.every) || null }
      : { cron: form.cron, every: null },
  );

  const send = async () => {
    if (of) await api.editSchedule(of.name, changed(before, form));
    else await api.createSchedule(created(form));
    close();
    touched.value = { what: "other" };
    void beat();
    notify(t("saved", { name: form.name }));
  };

  return (
    <FormDialog
      title={of ? t("schedule.edit", { name: of.name }) : t("schedule.new")}
      send={t(of ? "save" : "schedule.create")}
      wrong={wrong}
      problem={problem}
      onSend={send}
      onClose={close}
    >
      {(tried) => (
        <>
          {!of && (
            <div class="pair">
              <TextField
                name="name"
                label={t("schedule.name")}
                value={form.name}
                required
                autofocus
                placeholder="nightly-report"
                problem={tried && wrong.includes("name") && t("wrong.name")}
                onValue={(name) => change({ name })}
              />
              <BindingField
                value={form.binding}
                known={known}
                problem={tried && wrong.includes("binding")}
                onValue={(binding) => change({ binding })}
              />
            </div>
          )}
          <Choice
            legend={t("column.when")}
            options={[
              ["cron", t("schedule.cron")],
              ["every", t("schedule.every")],
            ]}
            value={form.by}
            onChoose={(by) => change({ by })}
          />
          {form.by === "cron" ? (
            <div class="pair">
              <TextField
                name="cron"
                label={t("schedule.expression")}
                value={form.cron}
                placeholder="0 9 * * 1-5"
                autofocus={Boolean(of)}
                problem={tried && wrong.includes("cron") && t("wrong.cron")}
                onValue={(cron) => change({ cron })}
              />
              <TextField
                name="tz"
                label={t("schedule.tz")}
                list={zones}
                value={form.tz}
                placeholder="UTC"
                onValue={(tz) => change({ tz })}
              />
              <datalist id={zones}>
                {["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </div>
          ) : (
            <TextField
              name="every"
              label={t("schedule.seconds")}
              inputMode="decimal"
              value={form.every}
              placeholder="300"
              problem={
                (tried || form.every !== "") &&
                wrong.includes("every") &&
                t("wrong.number", { from: 1, to: 31_536_000 })
              }
              onValue={(every) => change({ every })}
            />
          )}
          {words && <p class="muted">{words}</p>}
          <Preview when={asked(form)} />
          <PayloadField
            value={form.payload}
            binding={chosen}
            onValue={(payload) => change({ payload })}
          />
          <details>
            <summary>{t("options")}</summary>
            <div class="options">
              <SelectField
                name="missed"
                label={t("schedule.missed")}
                value={form.missed}
                options={MISSED.map((each) => [each, t(`missed.${each}`)] as const)}
                onValue={(missed) => change({ missed })}
              />
              <CheckField
                name="overlap"
                label={t("schedule.overlap")}
                value={form.overlap}
                onValue={(overlap) => change({ overlap })}
              />
              <JobOptions
                form={form}
                wrong={wrong}
                defaults={chosen?.defaults ?? {}}
                onChange={change}
              />
            </div>
          </details>
        </>
      )}
    </FormDialog>
  );
}

const asked = (form: ScheduleForm): Record<string, string> =>
  form.by === "every" && scheduleProblems(form).includes("every")
    ? {}
    : Object.fromEntries(
        Object.entries(when(form)).flatMap(([key, value]) => (value ? [[key, String(value)]] : [])),
      );
