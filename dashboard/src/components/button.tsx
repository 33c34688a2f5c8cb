import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";

interface Props {
  icon?: IconName;
  kind?: "plain" | "main" | "danger" | "quiet";
  label?: string;
  shortcut?: string;
  /** What a key finds it by. */
  name?: string;
  type?: "button" | "submit";
  disabled?: boolean;
  autofocus?: boolean;
  onClick?: () => void;
  children?: ComponentChildren;
}

/** A button; with an icon only, `label` names it. */
export const Button = ({
  icon,
  kind = "plain",
  label,
  shortcut,
  type = "button",
  ...rest
}: Props) => (
  <button
    type={type}
    class={`button ${kind}${rest.children ? "" : " square"}`}
    aria-label={label}
    aria-keyshortcuts={shortcut}
    title={label && shortcut ? `${label} (${shortcut})` : label}
    name={rest.name}
    disabled={rest.disabled}
    autofocus={rest.autofocus}
    onClick={rest.onClick}
  >
    {icon && <Icon name={icon} />}
    {rest.children && <span>{rest.children}</span>}
  </button>
);
