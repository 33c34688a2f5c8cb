import { useEffect, useId, useRef, useState } from "preact/hooks";
import { composing, explainError, touched, type Draft } from "../actions";
import * as api from "../api";
import { filled, jsonProblem, params, pretty, problems, type Form } from "../draft";
import { parseExact } from "../exact";
import { t } from "../i18n";
import { beat, pulse } from "../live";
import { notify } from "../notices";
import { go, href } from "../router";
import { skeleton } from "../schema";
import type { BindingDetails } from "../types";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { JobOptions } from "./joboptions";
import { Labelled } from "./labelled";

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
  const change = (part: Partial<Form>) => setForm((now) => ({ ...now, ...part }));
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
        payload: form.payload,
        params: params(form),
      });
      close();
      touched.value = { what: "enqueue" };
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
            onInput={(event) => change({ binding: event.currentTarget.value })}
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
            onInput={(event) => change({ payload: event.currentTarget.value })}
            spellcheck={false}
            aria-invalid={json !== null}
            aria-describedby={`${id}-p-note`}
            autofocus={Boolean(start.binding)}
          />
          <div class="under">
            <Button
              kind="quiet"
              disabled={json !== null}
              onClick={() => change({ payload: pretty(parseExact(form.payload)) })}
            >
              {t("payload.format")}
            </Button>
            {chosen?.schema && (
              <Button
                kind="quiet"
                onClick={() =>
                  chosen.schema && change({ payload: pretty(skeleton(chosen.schema)) })
                }
              >
                {t("payload.skeleton")}
              </Button>
            )}
          </div>
        </Labelled>
        <details open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
          <summary>{t("options")}</summary>
          <JobOptions
            form={form}
            wrong={wrong}
            defaults={chosen?.defaults ?? {}}
            onChange={change}
          />
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
