import { signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { composing, switchBinding } from "../actions";
import { matching, type Command } from "../commands";
import { LANGUAGES, speak, t, type Language } from "../i18n";
import { doing } from "../keys";
import { paused, pulse } from "../live";
import { SECTIONS } from "../pages";
import { format, parse } from "../query";
import { go, href } from "../router";
import { may } from "../session";
import { theme, THEMES } from "../theme";
import { commonViews, viewHref, views } from "../views";
import { Dialog } from "./dialog";
import { SHORTCUTS } from "./help";
import { Icon } from "./icons";
import { scheduling } from "./scheduleeditor";

export const choosing = signal(false);

const to = (path: string, query?: Record<string, string>) => () => go(href(path, query));

/** What the page in front can do by key. */
const here = (): Command[] =>
  SHORTCUTS.flatMap(({ keys, text, icon }) => {
    const run = doing(keys);
    return run && icon ? [{ text: t(text), icon, keys, run }] : [];
  });

function everywhere(): Command[] {
  const beat = pulse.value;
  const bindings = beat?.bindings.map(({ binding }) => binding) ?? [];
  const held = (name: string) => (beat?.paused.includes(name) ? "resume" : "pause");
  return [
    ...SECTIONS.map(({ path, nav }) => ({
      text: t(nav.text),
      words: path,
      icon: "right" as const,
      keys: `g ${nav.key}`,
      run: to(path),
    })),
    ...(may("schedules.change")
      ? [
          {
            text: t("schedule.new"),
            icon: "plus" as const,
            run: () => {
              go(href("schedules"));
              scheduling.value = {};
            },
          },
        ]
      : []),
    ...[...commonViews(), ...views.value].map((view) => ({
      text: view.name,
      words: `${t("views")} ${view.query}`,
      icon: "star" as const,
      run: () => go(viewHref(view)),
    })),
    ...bindings.map((name) => ({
      text: name,
      words: t("binding"),
      icon: "right" as const,
      run: to(`bindings/${name}`),
    })),
    ...bindings.flatMap((name) => [
      {
        text: t("palette.failed", { binding: name }),
        icon: "search" as const,
        run: to("jobs", { q: `binding:${name} status:FAILED` }),
      },
      ...(may("jobs.enqueue")
        ? [
            {
              text: t("palette.new", { binding: name }),
              icon: "plus" as const,
              run: () => (composing.value = { binding: name }),
            },
          ]
        : []),
      ...(may("bindings.pause")
        ? [
            {
              text: t(`${held(name)}.binding`, { binding: name }),
              icon: held(name) === "pause" ? ("pause" as const) : ("play" as const),
              run: () => void switchBinding(name, held(name)),
            },
          ]
        : []),
    ]),
    {
      text: t(paused.value ? "live.resume" : "live.pause"),
      icon: paused.value ? "play" : "pause",
      run: () => (paused.value = !paused.value),
    },
    ...THEMES.map((each) => ({
      text: `${t("preferences.theme")}: ${t(`theme.${each}`)}`,
      icon: "gear" as const,
      run: () => (theme.value = each),
    })),
    ...(Object.entries(LANGUAGES) as [Language, string][]).map(([each, name]) => ({
      text: `${t("preferences.language")}: ${name}`,
      words: `language ${each}`,
      icon: "gear" as const,
      run: () => void speak(each),
    })),
  ];
}

/** A whole id opens its job; anything else can be searched for. */
function typedIn(text: string): Command[] {
  if (!text.trim()) return [];
  const terms = parse(text);
  const [only, ...more] = terms;
  if (only?.key === "id" && !more.length)
    return [
      { text: t("palette.job", { id: only.value }), icon: "right", run: to(`jobs/${only.value}`) },
    ];
  const q = format(terms);
  return [{ text: t("palette.search", { query: q }), icon: "search", run: to("jobs", { q }) }];
}

function Choosing() {
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState(0);
  const [own] = useState(here);
  const list = useId();
  const options = [...matching([...own, ...everywhere()], typed), ...typedIn(typed)];
  const index = Math.min(picked, options.length - 1);
  const choose = (option: Command | undefined) => {
    if (!option) return;
    choosing.value = false;
    // when the dialog has given the focus back: keys act on the row that has it
    requestAnimationFrame(() => requestAnimationFrame(option.run));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = (index + step + options.length) % Math.max(1, options.length);
      setPicked(next);
      document.getElementById(`${list}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      choose(options[index]);
    }
  };
  return (
    <Dialog title={t("palette")} onClose={() => (choosing.value = false)}>
      <div class="palette">
        <input
          type="text"
          role="combobox"
          aria-label={t("palette.type")}
          aria-expanded="true"
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={options.length ? `${list}-${index}` : undefined}
          placeholder={t("palette.type")}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          autofocus
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setPicked(0);
          }}
          onKeyDown={onKeyDown}
        />
        <ul id={list} role="listbox" aria-label={t("search.suggestions")}>
          {options.map((option, each) => (
            <li
              key={`${option.text} ${option.keys}`}
              id={`${list}-${each}`}
              role="option"
              aria-selected={each === index}
              onClick={() => choose(option)}
            >
              <Icon name={option.icon} />
              <span>{option.text}</span>
              {option.keys?.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

/** Go anywhere and do anything by typing a part of its name. */
export const Palette = () => (choosing.value ? <Choosing /> : null);
