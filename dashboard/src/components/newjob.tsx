import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { composing, explainError, touched, type Draft } from "../actions";
import * as api from "../api";
import { filled, jsonProblem, params, problems, RANGES, type Field, type Form } from "../draft";
import { t } from "../i18n";
import { beat, pulse } from "../live";
import { notify } from "../notices";
import { go, href } from "../router";
import { skeleton } from "../schema";
import type { BindingDetails, Json } from "../types";
import { Button } from "./button";
import { Dialog } from "./dialog";

interface LabelledProps {
  id: string;
  label: string;
  problem?: string | false;
  hint?: string;
  children: ComponentChildren;
}

const Labelled = ({ id, label, problem, hint, children }: LabelledProps) => (
  <div class="labelled">
    <label for={id}>{label}</label>
    {children}
    {(problem || hint) && (
      <p id={`${id}-note`} class={problem ? "problem" : "muted"}>
        {problem || hint}
      </p>
    )}
  </div>
);

const NUMBERS = ["maxRetries", "firstDelay", "retryDelay", "timeout", "priority"] as const;

const usual = (details: BindingDetails | undefined, field: (typeof NUMBERS)[number]): string => {
  const value = details?.defaults?.[field];
  return value === undefined ? "" : typeof value === "object" ? String(value.base) : String(value);
};

/** Enqueue a job: a binding, its payload, and what should differ from the defaults. */
export function NewJob({ start }: { start: Partial<Draft> }) {
  const [form, setForm] = useState<Form>(() =>
    filled(start.binding ?? "", start.payload, start.params),
  );
  const [known, setKnown] = useState<BindingDetails[]>([]);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState("");
  const [unfolded, setUnfolded] = useState(Object.keys(start.params ?? {}).length > 0);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const element = useRef<HTMLFormElement>(null);
  const set = (field: Field) => (event: { currentTarget: { value: string } }) =>
    setForm((now) => ({ ...now, [field]: event.currentTarget.value }));
  const wrong = problems(form);
  const chosen = known.find(({ name }) => name === form.binding);
  const json = jsonProblem(form.payload);
  const names = [
    ...new Set([
      ...known.map(({ name }) => name),
      ...(pulse.value?.bindings.map(({ binding }) => binding) ?? []),
    ]),
  ];
  const close = () => (composing.value = null);

  useEffect(() => {
    api.bindings().then(setKnown, (error: unknown) => setRefused(explainError(error)));
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    const first = wrong[0];
    if (first) {
      const field = element.current?.querySelector<HTMLElement>(`[name="${first}"]`);
      field?.closest("details")?.setAttribute("open", ""); // a folded field takes no focus
      field?.focus();
      return;
    }
    setBusy(true);
    try {
      const job = await api.enqueue({
        binding: form.binding.trim(),
        payload: JSON.parse(form.payload) as Json,
        params: params(form),
      });
      close();
      touched.value += 1;
      void beat();
      notify(t("enqueued", { binding: job.binding }));
      go(href(`jobs/${job.id}`));
    } catch (error) {
      setRefused(explainError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title={t(start.payload === undefined ? "new" : "new.copy")} wide onClose={close}>
      <form ref={element} class="newjob" onSubmit={(event) => void submit(event)} noValidate>
        <Labelled
          id={`${id}-b`}
          label={t("binding")}
          problem={tried && wrong.includes("binding") && t("wrong.binding")}
        >
          <input
            id={`${id}-b`}
            name="binding"
            list={`${id}-names`}
            value={form.binding}
            onInput={set("binding")}
            autocomplete="off"
            spellcheck={false}
            required
            aria-invalid={tried && wrong.includes("binding")}
            aria-describedby={`${id}-b-note`}
            autofocus={!start.binding}
          />
          <datalist id={`${id}-names`}>
            {names.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </Labelled>
        <Labelled
          id={`${id}-p`}
          label={t("payload.json")}
          problem={json !== null && t("wrong.json", { line: json.line, column: json.column })}
        >
          <textarea
            id={`${id}-p`}
            name="payload"
            rows={Math.min(16, Math.max(6, form.payload.split("\n").length + 1))}
            value={form.payload}
            onInput={set("payload")}
            spellcheck={false}
            aria-invalid={json !== null}
            aria-describedby={`${id}-p-note`}
            autofocus={Boolean(start.binding)}
          />
          <div class="under">
            <Button
              kind="quiet"
              disabled={json !== null}
              onClick={() =>
                setForm({ ...form, payload: JSON.stringify(JSON.parse(form.payload), null, 2) })
              }
            >
              {t("payload.format")}
            </Button>
            {chosen?.schema && (
              <Button
                kind="quiet"
                onClick={() =>
                  chosen.schema &&
                  setForm({ ...form, payload: JSON.stringify(skeleton(chosen.schema), null, 2) })
                }
              >
                {t("payload.skeleton")}
              </Button>
            )}
          </div>
        </Labelled>
        <details open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
          <summary>{t("options")}</summary>
          <div class="options">
            {NUMBERS.map((field) => (
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
                  placeholder={usual(chosen, field)}
                  disabled={field === "firstDelay" && form.at !== ""}
                  onInput={set(field)}
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
                onInput={set("at")}
              />
            </Labelled>
            <label class="check">
              <input
                type="checkbox"
                checked={form.exponential}
                disabled={form.retryDelay === ""}
                onChange={(event) => setForm({ ...form, exponential: event.currentTarget.checked })}
              />
              {t("option.exponential")}
            </label>
          </div>
        </details>
        {refused && (
          <p class="problem" role="alert">
            {refused}
          </p>
        )}
        <div class="dialog-foot">
          <Button onClick={close}>{t("cancel")}</Button>
          <Button kind="main" type="submit" disabled={busy}>
            {t("enqueue")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
