import { useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { pulse } from "../live";
import { format, formatTerm, parse, suggest, type Term } from "../query";
import { go, href } from "../router";
import { Icon } from "./icons";

const show = (terms: readonly Term[]): void => go(href("jobs", { q: format(terms) }));

/** One field for every filter: what is settled are chips, what is being typed completes itself. */
export function SearchBar({ terms }: { terms: readonly Term[] }) {
  const [draft, write] = useState("");
  const [open, setOpen] = useState(false);
  const [picked, setPicked] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const names = pulse.value?.bindings.map(({ binding }) => binding) ?? [];
  const options = open ? suggest(draft, names) : [];

  const setDraft = (text: string) => {
    write(text);
    setPicked(-1);
  };
  const settle = (text: string) => {
    setDraft("");
    if (text.trim()) show([...terms, ...parse(text)]);
  };
  const accept = (index: number) => {
    const option = options[index];
    if (!option) return;
    if (option.whole) settle(option.text);
    else setDraft(option.text);
    input.current?.focus();
  };
  const typed = (text: string) => {
    setOpen(true);
    // a space ends a filter, but not a text that is still being typed
    const [only, ...more] = parse(text);
    const done = /^\S+:\S+ $/.test(text) || /^\S+:"(?:[^"\\]|\\.)+" ?$/.test(text);
    if (done && only && !more.length && only.key !== "error") settle(text);
    else setDraft(text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = key === "ArrowDown" ? 1 : -1;
      setPicked((picked + step + options.length + 1) % (options.length + 1 || 1));
    } else if (key === "Enter") {
      event.preventDefault();
      if (options[picked]) accept(picked);
      else settle(draft);
    } else if (key === "Tab" && !event.shiftKey && options.length && draft) {
      event.preventDefault();
      accept(Math.max(0, picked));
    } else if (key === "Backspace" && draft === "" && terms.length) {
      event.preventDefault();
      edit(terms.length - 1);
    } else if (key === "Escape") {
      if (open && options.length) setOpen(false);
      else input.current?.blur();
    }
  };
  const without = (index: number) => terms.filter((_, each) => each !== index);
  const edit = (index: number) => {
    const term = terms[index];
    if (!term) return;
    show(without(index));
    setDraft(formatTerm(term));
    input.current?.focus();
  };

  return (
    <search class="searchbar">
      <div
        class="field"
        onClick={(event) => event.target === event.currentTarget && input.current?.focus()}
      >
        <Icon name="search" />
        {terms.map((term, index) => (
          <span key={`${index}${formatTerm(term)}`} class={term.problem ? "chip bad" : "chip"}>
            <button
              type="button"
              class="chip-text"
              title={t("search.edit")}
              onClick={() => edit(index)}
            >
              {term.problem && <Icon name="warn" />}
              <span>{term.key}:</span>
              {term.value || '""'}
            </button>
            <button
              type="button"
              class="chip-close"
              aria-label={t("search.remove", { term: formatTerm(term) })}
              onClick={() => show(without(index))}
            >
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label={t("search")}
          aria-expanded={options.length > 0}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={picked >= 0 && options[picked] ? `${listId}-${picked}` : undefined}
          aria-keyshortcuts="/"
          placeholder={terms.length ? "" : t("search.example")}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={draft}
          onInput={(event) => typed(event.currentTarget.value)}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {terms.length + draft.length > 0 ? (
          <button
            type="button"
            class="clear"
            aria-label={t("search.clear")}
            onClick={() => {
              setDraft("");
              show([]);
            }}
          >
            <Icon name="close" />
          </button>
        ) : (
          <kbd>/</kbd>
        )}
      </div>
      <ul
        id={listId}
        class="suggestions"
        role="listbox"
        aria-label={t("search.suggestions")}
        hidden={!options.length}
      >
        {options.map((option, index) => (
          <li
            key={option.text}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === picked}
            // before the field loses its focus, and with it the list
            onMouseDown={(event) => {
              event.preventDefault();
              accept(index);
            }}
          >
            {option.text}
            <span class="muted">{hint(option.text)}</span>
          </li>
        ))}
      </ul>
      {terms.map(
        (term) =>
          term.problem && (
            <p key={formatTerm(term)} class="problem">
              <code>{formatTerm(term)}</code> {t(`problem.${term.problem}`)}
            </p>
          ),
      )}
    </search>
  );
}

const HINTS = [
  "status",
  "binding",
  "error",
  "fingerprint",
  "reason",
  "id",
  "after",
  "before",
  "payload",
] as const;

const hint = (text: string): string => {
  const key = HINTS.find((each) => text.endsWith(`${each}:`) || text.endsWith(`${each}.`));
  return key ? t(`hint.${key}`) : "";
};
