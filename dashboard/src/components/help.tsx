import { signal } from "@preact/signals";
import { t, type Key, type PluralKey } from "../i18n";
import { SECTIONS } from "../pages";
import { CHORD, shortcutsOn, switchShortcuts } from "../keys";
import { Dialog } from "./dialog";
import type { IconName } from "./icons";

export const helping = signal(false);

interface Shortcut {
  keys: string;
  text: Exclude<Key, PluralKey>;
  /** Of what the palette offers too. */
  icon?: IconName;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: CHORD, text: "palette" },
  { keys: "/", text: "key.search", icon: "search" },
  { keys: "j k", text: "key.move" },
  { keys: "Enter", text: "key.open" },
  { keys: "x", text: "key.select", icon: "completed" },
  { keys: "r", text: "key.retry", icon: "retry" },
  { keys: "c", text: "key.cancel", icon: "stop" },
  { keys: "d", text: "key.delete", icon: "trash" },
  { keys: "n", text: "new", icon: "plus" },
  { keys: ".", text: "key.fresh", icon: "up" },
  { keys: "p", text: "key.pause", icon: "pause" },
  { keys: "e", text: "key.edit", icon: "edit" },
  { keys: "u", text: "key.back", icon: "left" },
  { keys: "?", text: "help.title", icon: "help" },
];

/** What the keyboard does here. */
export function Help() {
  if (!helping.value) return null;
  return (
    <Dialog title={t("help.title")} onClose={() => (helping.value = false)}>
      <table class="keys">
        <tbody>
          {[
            ...SHORTCUTS.map(({ keys, text }) => [keys, t(text)] as const),
            ...SECTIONS.map(({ nav }) => [`g ${nav.key}`, t(nav.text)] as const),
          ].map(([keys, what]) => (
            <tr key={keys}>
              <th scope="row">
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="check">
        <input
          type="checkbox"
          checked={shortcutsOn.value}
          onChange={(event) => switchShortcuts(event.currentTarget.checked)}
        />
        {t("help.shortcuts")}
      </label>
    </Dialog>
  );
}
