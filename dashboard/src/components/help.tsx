import { signal } from "@preact/signals";
import { t, type Key } from "../i18n";
import { SECTIONS } from "../pages";
import { shortcutsOn, switchShortcuts } from "../keys";
import { Dialog } from "./dialog";

export const helping = signal(false);

const ROWS: [string, Key][] = [
  ["/", "key.search"],
  ["j k", "key.move"],
  ["Enter", "key.open"],
  ["x", "key.select"],
  ["r", "key.retry"],
  ["c", "key.cancel"],
  ["d", "key.delete"],
  ["n", "key.new"],
  [".", "key.fresh"],
  ["p", "key.pause"],
  ["u", "key.back"],
  ["?", "key.help"],
];

/** What the keyboard does here. */
export function Help() {
  if (!helping.value) return null;
  return (
    <Dialog title={t("help.title")} onClose={() => (helping.value = false)}>
      <table class="keys">
        <tbody>
          {[
            ...ROWS.map(([keys, what]) => [keys, t(what)] as const),
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
