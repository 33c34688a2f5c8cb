import { useState } from "preact/hooks";
import { composing, touched, type Draft } from "../actions";
import * as api from "../api";
import { filled, params, pretty, problems, type Form } from "../draft";
import { t } from "../i18n";
import { useKnown } from "../known";
import { beat } from "../live";
import { notify } from "../notices";
import { go, href } from "../router";
import { skeleton } from "../schema";
import { BindingField, PayloadField } from "./fields";
import { FormDialog } from "./formdialog";
import { JobOptions, MoreOptions } from "./joboptions";

/** Enqueue a job: a binding, its payload, and what should differ from the defaults. */
export function NewJob({ start }: { start: Partial<Draft> }) {
  const [form, setForm] = useState<Form>(() =>
    filled(start.binding ?? "", start.payload, start.params),
  );
  const { known, problem } = useKnown();
  const [unfolded, setUnfolded] = useState(Object.keys(start.params ?? {}).length > 0);
  const change = (part: Partial<Form>) => setForm((now) => ({ ...now, ...part }));
  const wrong = problems(form);
  const chosen = known.find(({ name }) => name === form.binding);
  const close = () => (composing.value = null);
  const choose = (binding: string) => {
    const schema = known.find(({ name }) => name === binding)?.schema;
    // what nobody has touched shows what the performer takes
    const payload = form.payload === "{}" && schema ? pretty(skeleton(schema)) : form.payload;
    change({ binding, payload });
  };

  const send = async () => {
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
  };

  return (
    <FormDialog
      title={t(start.payload === undefined ? "new" : "new.copy")}
      send={t("enqueue")}
      wrong={wrong}
      problem={problem}
      onSend={send}
      onClose={close}
    >
      {(tried) => (
        <>
          <BindingField
            value={form.binding}
            known={known}
            problem={tried && wrong.includes("binding")}
            autofocus={!start.binding}
            onValue={choose}
          />
          <PayloadField
            value={form.payload}
            binding={chosen}
            autofocus={Boolean(start.binding)}
            onValue={(payload) => change({ payload })}
          />
          <details open={unfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
            <summary>{t("options")}</summary>
            <div class="options">
              <JobOptions
                form={form}
                wrong={wrong}
                defaults={chosen?.defaults ?? {}}
                onChange={change}
              />
              <MoreOptions form={form} wrong={wrong} onChange={change} />
            </div>
          </details>
        </>
      )}
    </FormDialog>
  );
}
