import { describe, expect, it } from "vitest";
import en from "../src/locales/en.json";
import ja from "../src/locales/ja.json";

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe("catalogues", () => {
  it("have the same keys", () => {
    // what the server says in English needs words only elsewhere
    const own = Object.keys(ja).filter((key) => !key.startsWith("explain."));
    expect(own).toEqual(Object.keys(en));
  });

  it("name the same values", () => {
    const keys = Object.keys(en) as (keyof typeof en)[];
    expect(keys.filter((key) => !ja[key] || `${names(ja[key])}` !== `${names(en[key])}`)).toEqual(
      [],
    );
  });

  it("hold no word that nothing shows", () => {
    const source = Object.values(
      import.meta.glob<string>("../src/**/*.{ts,tsx}", {
        query: "?raw",
        import: "default",
        eager: true,
      }),
    ).join("\n");
    const unused = Object.keys(en).filter((key) => {
      const base = key.replace(/\.(one|other)$/, "");
      const family = base.replace(/[^.]+$/, "${");
      return (
        !source.includes(`"${base}"`) && !(base.includes(".") && source.includes(`\`${family}`))
      );
    });
    expect(unused).toEqual([]);
  });
});
