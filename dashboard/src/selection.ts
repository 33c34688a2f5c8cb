// Which rows are ticked, and where a shift-click range starts.

export interface Selection {
  ids: ReadonlySet<string>;
  anchor: string | null;
}

export const NOTHING: Selection = { ids: new Set(), anchor: null };

/** Tick or untick `id`; with `range`, every row from the anchor to it does as it does. */
export function toggled(
  selection: Selection,
  id: string,
  range: boolean,
  order: readonly string[],
): Selection {
  const ids = new Set(selection.ids);
  const tick = !ids.has(id);
  const from = range && selection.anchor !== null ? order.indexOf(selection.anchor) : -1;
  const to = order.indexOf(id);
  const [low, high] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
  for (const each of order.slice(low, high + 1)) {
    if (tick) ids.add(each);
    else ids.delete(each);
  }
  return { ids, anchor: id };
}

export const all = (order: readonly string[]): Selection => ({ ids: new Set(order), anchor: null });

/** Without the rows that are no longer on screen. */
export function kept(selection: Selection, order: readonly string[]): Selection {
  const ids = new Set(order.filter((id) => selection.ids.has(id)));
  return ids.size === selection.ids.size ? selection : { ...selection, ids };
}
