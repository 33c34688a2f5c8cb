import type { ComponentChildren } from "preact";

interface Props {
  id: string;
  label: string;
  problem?: string | false;
  children: ComponentChildren;
}

/** A field with its name above and, where there is one, its problem below. */
export const Labelled = ({ id, label, problem, children }: Props) => (
  <div class="labelled">
    <label for={id}>{label}</label>
    {children}
    {problem && (
      <p id={`${id}-note`} class="problem">
        {problem}
      </p>
    )}
  </div>
);
