import { LANGUAGES } from "../i18n";

interface Props<T extends string> {
  legend: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChoose: (value: T) => void;
}

/** One of a few, side by side. */
export const Choice = <T extends string>({ legend, options, value, onChoose }: Props<T>) => (
  <fieldset class="choice">
    <legend>{legend}</legend>
    <div class="segments">
      {options.map(([option, text]) => (
        <label key={option} lang={option in LANGUAGES ? option : undefined}>
          <input
            type="radio"
            name={legend}
            checked={option === value}
            onChange={() => onChoose(option)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  </fieldset>
);
