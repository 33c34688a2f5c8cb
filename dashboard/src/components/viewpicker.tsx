import { useState } from "preact/hooks";
import { t } from "../i18n";
import { go, href, place } from "../router";
import { commonViews, forget, saveView, viewHref, views, type View } from "../views";
import { Button } from "./button";
import { TextField } from "./fields";
import { Icon } from "./icons";

const close = (): void => document.getElementById("views")?.hidePopover();

const Entry = ({ view, own }: { view: View; own: boolean }) => (
  <li>
    <a
      href={viewHref(view)}
      aria-current={place.value.query.get("view") === view.name ? "true" : undefined}
      onClick={close}
    >
      {view.name}
      <code>{view.query || t("status.all")}</code>
    </a>
    {own && (
      <Button
        kind="quiet"
        icon="close"
        label={t("view.forget", { name: view.name })}
        onClick={() => forget(view.name)}
      />
    )}
  </li>
);

/** Searches by name, to show or to keep; the address bar has what others need to see the same. */
export function ViewPicker({ query }: { query: string }) {
  const named = place.value.query.get("view") ?? "";
  const [name, setName] = useState<string | null>(null);
  const wanted = (name ?? named).trim();
  const save = (event: Event) => {
    event.preventDefault();
    if (!wanted) return;
    saveView({ name: wanted, query });
    setName(null);
    close();
    go(href("jobs", { q: query, view: wanted }), "replace");
  };
  return (
    <div class="picker">
      <button type="button" class="button quiet" popovertarget="views">
        <Icon name="star" />
        <span>{named || t("views")}</span>
      </button>
      <div id="views" class="popover views" popover="auto">
        <ul aria-label={t("views")}>
          {commonViews().map((view) => (
            <Entry key={view.query} view={view} own={false} />
          ))}
          {views.value.map((view) => (
            <Entry key={view.name} view={view} own />
          ))}
        </ul>
        <form onSubmit={save}>
          <TextField
            name="view"
            label={t("view.name")}
            value={name ?? named}
            maxLength={60}
            onValue={setName}
          />
          <Button type="submit" disabled={!wanted}>
            {t("view.save")}
          </Button>
        </form>
      </div>
    </div>
  );
}
