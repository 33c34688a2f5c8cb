import { useState } from "preact/hooks";
import { isRaw } from "../exact";
import { t, tn } from "../i18n";
import type { Json } from "../types";
import { Copy } from "./copy";

const DEEP = 2;
const LONG_TEXT = 400;
const MANY = 100;

function Scalar({ value }: { value: Json }) {
  const [whole, setWhole] = useState(false);
  const text = JSON.stringify(value);
  const kind = value === null ? "null" : isRaw(value) ? "number" : typeof value;
  if (whole || text.length <= LONG_TEXT) return <span class={`json-${kind}`}>{text}</span>;
  return (
    <span class={`json-${kind}`}>
      {text.slice(0, LONG_TEXT)}…{" "}
      <button type="button" class="textlink" onClick={() => setWhole(true)}>
        {tn("json.characters", text.length - LONG_TEXT)}
      </button>
    </span>
  );
}

const Name = ({ name }: { name: string | null }) =>
  name === null ? null : <span class="json-key">{name}: </span>;

function Node({ name, value, depth }: { name: string | null; value: Json; depth: number }) {
  const [shown, setShown] = useState(MANY);
  if (value === null || typeof value !== "object" || isRaw(value))
    return (
      <li>
        <Name name={name} />
        <Scalar value={value} />
      </li>
    );
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  if (entries.length === 0)
    return (
      <li>
        <Name name={name} />
        <span class="json-null">{list ? "[]" : "{}"}</span>
      </li>
    );
  return (
    <li>
      <details open={depth < DEEP}>
        <summary>
          <Name name={name} />
          <span class="muted">
            {list ? tn("json.items", entries.length) : tn("json.fields", entries.length)}
          </span>
        </summary>
        <ul>
          {entries.slice(0, shown).map(([key, each]) => (
            <Node key={key} name={key} value={each} depth={depth + 1} />
          ))}
        </ul>
        {entries.length > shown && (
          <button type="button" class="textlink" onClick={() => setShown(shown + MANY * 5)}>
            {tn("json.more", entries.length - shown)}
          </button>
        )}
      </details>
    </li>
  );
}

/** A JSON value to look through, and to copy. */
export const JsonCard = ({ title, value }: { title: string; value: Json }) => (
  <section class="card json-card">
    <header>
      <h2>{title}</h2>
      <Copy text={() => JSON.stringify(value, null, 2)} label={t("copy.json", { what: title })} />
    </header>
    <ul class="json" tabIndex={0} aria-label={title}>
      {value !== null && typeof value === "object" && !isRaw(value) && Object.keys(value).length ? (
        Object.entries(value).map(([key, each]) => (
          <Node key={key} name={key} value={each} depth={1} />
        ))
      ) : (
        <Node name={null} value={value} depth={0} />
      )}
    </ul>
  </section>
);
