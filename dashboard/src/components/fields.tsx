import { useId } from "preact/hooks";
import { jsonProblem, pretty } from "../draft";
import { parseExact } from "../exact";
import { t } from "../i18n";
import { pulse } from "../live";
import { fieldsOf, skeleton } from "../schema";
import type { BindingDetails } from "../types";
import { Button } from "./button";
import { Labelled } from "./labelled";

interface Named<T> {
  name: string;
  label: string;
  value: T;
  problem?: string | false;
  onValue: (value: T) => void;
}

interface Input {
  type?: "text" | "datetime-local";
  /** Of a list of suggestions. */
  list?: string;
  inputMode?: "decimal";
  placeholder?: string;
  maxLength?: number;
  required?: boolean;
  disabled?: boolean;
  autofocus?: boolean;
}

/** A line of text, or a number. */
export function TextField({ label, problem, onValue, ...rest }: Named<string> & Input) {
  const id = useId();
  return (
    <Labelled id={id} label={label} problem={problem}>
      <input
        id={id}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onValue(event.currentTarget.value)}
        aria-invalid={Boolean(problem)}
        aria-describedby={problem ? `${id}-note` : undefined}
        {...rest}
      />
    </Labelled>
  );
}

interface Select<T extends string> extends Named<T> {
  options: readonly (readonly [T, string])[];
}

/** One of several. */
export function SelectField<T extends string>({ options, label, onValue, ...rest }: Select<T>) {
  const id = useId();
  return (
    <Labelled id={id} label={label}>
      <select id={id} onChange={(event) => onValue(event.currentTarget.value as T)} {...rest}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

export const CheckField = ({ name, label, value, onValue }: Named<boolean>) => (
  <label class="check">
    <input
      type="checkbox"
      name={name}
      checked={value}
      onChange={(event) => onValue(event.currentTarget.checked)}
    />
    {label}
  </label>
);

interface Binding {
  value: string;
  known: readonly BindingDetails[];
  problem: boolean;
  autofocus?: boolean;
  onValue: (name: string) => void;
}

/** The kind of job, completed from those there are. */
export function BindingField({ known, problem, ...rest }: Binding) {
  const list = useId();
  const names = [
    ...known.map(({ name }) => name),
    ...(pulse.value?.bindings.map(({ binding }) => binding) ?? []),
  ];
  return (
    <div>
      <TextField
        name="binding"
        label={t("binding")}
        list={list}
        required
        problem={problem && t("wrong.binding")}
        {...rest}
      />
      <datalist id={list}>
        {[...new Set(names)].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

interface Payload {
  value: string;
  /** What takes it, where that is known. */
  binding: BindingDetails | undefined;
  autofocus?: boolean;
  onValue: (json: string) => void;
}

/** A payload as JSON, with what the performer takes. */
export function PayloadField({ value, binding, autofocus, onValue }: Payload) {
  const id = useId();
  const problem = jsonProblem(value);
  const schema = binding?.schema;
  return (
    <Labelled
      id={id}
      label={t("payload.json")}
      problem={problem !== null && t("wrong.json", { line: problem.line, column: problem.column })}
    >
      <textarea
        id={id}
        name="payload"
        rows={Math.min(16, Math.max(6, value.split("\n").length + 1))}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        spellcheck={false}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-note ${id}-takes`}
        autofocus={autofocus}
      />
      {schema && (
        <p id={`${id}-takes`} class="takes muted">
          {t("payload.takes")}{" "}
          {fieldsOf(schema).map((field) => (
            <code key={field}>{field}</code>
          ))}
        </p>
      )}
      <div class="under">
        <Button
          kind="quiet"
          disabled={problem !== null}
          onClick={() => onValue(pretty(parseExact(value)))}
        >
          {t("payload.format")}
        </Button>
        {schema && (
          <Button kind="quiet" onClick={() => onValue(pretty(skeleton(schema)))}>
            {t("payload.skeleton")}
          </Button>
        )}
      </div>
    </Labelled>
  );
}
