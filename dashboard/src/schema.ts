// What a JSON Schema says a payload is: in words, and as a first one to start from.

import type { Json, JsonSchema } from "./types";

const DEEPEST = 6;

export function skeleton(schema: JsonSchema, root: JsonSchema = schema, depth = 0): Json {
  const name = schema.$ref?.replace(/^#\/\$defs\//, "");
  const target = name === undefined ? undefined : root.$defs?.[name];
  if (target && depth < DEEPEST) return skeleton(target, root, depth + 1);
  for (const known of [schema.default, schema.const, schema.examples?.[0], schema.enum?.[0]])
    if (known !== undefined) return known;
  const first = schema.anyOf?.[0];
  if (first) return skeleton(first, root, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object": {
      const fields = Object.entries(schema.properties ?? {});
      const shown = fields.filter(
        ([field, part]) => schema.required?.includes(field) || (part.default ?? null) !== null,
      );
      if (depth >= DEEPEST) return {};
      return Object.fromEntries(
        shown.map(([field, part]) => [field, skeleton(part, root, depth + 1)]),
      );
    }
    case "array":
      return [];
    case "string":
      return "";
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return false;
    default:
      return null;
  }
}

function typeOf(schema: JsonSchema): string {
  if (schema.$ref) return schema.$ref.replace(/^#\/\$defs\//, "");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const several = schema.anyOf?.map((each) => typeOf(each));
  if (several) return [...new Set(several)].join(" | ");
  const items = schema.items && `${typeOf(schema.items)}[]`;
  return items ?? [schema.type ?? "any"].flat().join(" | ");
}

/** The fields of a payload, as `to: string` or, where one need not be given, `cc?: string`. */
export function fieldsOf(schema: JsonSchema): string[] {
  const name = schema.$ref?.replace(/^#\/\$defs\//, "");
  const target = (name !== undefined && schema.$defs?.[name]) || schema;
  const fields = Object.entries(target.properties ?? {});
  if (!fields.length) return [typeOf(target)];
  return fields.map(
    ([field, part]) => `${field}${target.required?.includes(field) ? "" : "?"}: ${typeOf(part)}`,
  );
}
