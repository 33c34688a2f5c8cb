import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { told } from "../actions";
import * as api from "../api";
import { t } from "../i18n";
import {
  filledLimits,
  LIMIT_NAMES,
  limitChanges,
  limitProblems,
  parts,
  type LimitName,
} from "../limitform";
import { limitText } from "../limittext";
import type { BindingDetails } from "../types";
import { Button } from "./button";
import { TextField } from "./fields";
import { FormDialog } from "./formdialog";

/** The binding whose limits are being changed; null: none. */
export const limiting = signal<BindingDetails | null>(null);

/** Set limits over those of the performer, lift them, or go back to the performer's. */
export function LimitsEditor({ of }: { of: BindingDetails }) {
  const { name, limits = {}, overrides = {}, declared = {} } = of;
  const [form, setForm] = useState(() => filledLimits(limits));
  const wrong = limitProblems(form);
  const close = () => (limiting.value = null);
  const over = Object.keys(overrides);

  const done = (): string => {
    close();
    return t("limits.saved", { binding: name });
  };
  const send = async () => {
    const changes = limitChanges(form, limits);
    if (Object.keys(changes).length) await api.limit(name, changes);
    await told(async () => done());
  };
  const reset = () =>
    told(async () => {
      await api.resetLimits(name);
      return done();
    });
  const own = (limit: LimitName): string => {
    const value = declared[limit];
    return value ? limitText(limit, value) : t("limit.none");
  };

  return (
    <FormDialog
      title={t("limits.edit", { binding: name })}
      send={t("save")}
      wrong={wrong}
      onSend={send}
      onClose={close}
      extra={
        over.length > 0 && (
          <Button icon="retry" onClick={() => void reset()}>
            {t("limits.reset")}
          </Button>
        )
      }
    >
      {() => (
        <>
          <p class="muted">{t("limits.help")}</p>
          {LIMIT_NAMES.map((limit) => (
            <fieldset key={limit} class="limit">
              <legend>
                {t(`limits.${limit}`)}{" "}
                {over.includes(limit) && <span class="tag">{t("limits.here")}</span>}
              </legend>
              <div class="parts">
                {parts(limit).map(([part, [from, to]]) => (
                  <TextField
                    key={part}
                    name={`${limit}.${part}`}
                    label={t(`limit.${part}`)}
                    inputMode="decimal"
                    value={form[limit][part] ?? ""}
                    problem={wrong.includes(`${limit}.${part}`) && t("wrong.number", { from, to })}
                    onValue={(value) =>
                      setForm((now) => ({ ...now, [limit]: { ...now[limit], [part]: value } }))
                    }
                  />
                ))}
              </div>
              <p class="muted">{t("limits.declared", { limit: own(limit) })}</p>
            </fieldset>
          ))}
        </>
      )}
    </FormDialog>
  );
}
