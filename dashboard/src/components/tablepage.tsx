import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t, type PluralKey, type Key } from "../i18n";
import { useRowKeys } from "../rows";

interface Props {
  title: Exclude<Key, PluralKey>;
  problem?: string;
  /** Beside the title. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

/** A page with a title, and rows that the keyboard goes through. */
export function TablePage({ title, problem = "", tools, children }: Props) {
  useEffect(() => {
    document.title = `${t(title)} · Kiribi`;
  }, [t(title)]);
  useRowKeys();
  return (
    <article class="tablepage">
      <header class="title">
        <h1>{t(title)}</h1>
        {tools}
      </header>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {children}
    </article>
  );
}

/** A column's heading; `name` is also the class of its cells. */
export interface Column {
  name: string;
  text: string;
  figures?: boolean;
}

/** A table whose rows become cards where there is no room. */
export const Table = ({
  label,
  columns,
  children,
}: {
  label: string;
  columns: readonly Column[];
  children: ComponentChildren;
}) => (
  <table role="table" class="list" aria-label={label}>
    <thead role="rowgroup">
      <tr role="row">
        {columns.map(({ name, text, figures }) => (
          <th key={name} role="columnheader" scope="col" class={figures ? `${name} figures` : name}>
            {text}
          </th>
        ))}
      </tr>
    </thead>
    <tbody role="rowgroup">{children}</tbody>
  </table>
);

/** A cell; on a phone its column's name stands before it. */
export const Cell = ({
  of: { name, text, figures },
  bare = false,
  children,
}: {
  of: Column;
  bare?: boolean;
  children?: ComponentChildren;
}) => (
  <td role="cell" class={figures ? `${name} figures` : name}>
    {!bare && <span class="cardlabel">{text} </span>}
    {children}
  </td>
);
