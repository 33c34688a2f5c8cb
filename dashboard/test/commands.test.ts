import { describe, expect, it } from "vitest";
import { matching, type Command } from "../src/commands";

const command = (text: string, words = ""): Command => ({
  text,
  words,
  icon: "right",
  run: () => undefined,
});
const COMMANDS = [
  command("Jobs", "jobs"),
  command("ジョブ", "jobs"),
  command("SEND_MAIL", "Binding"),
  command("Pause SEND_MAIL"),
  command("Resume RESIZE_IMAGE"),
];
const found = (typed: string): string[] => matching(COMMANDS, typed).map(({ text }) => text);

describe("matching", () => {
  it("offers everything while nothing is typed", () => {
    expect(found("")).toHaveLength(COMMANDS.length);
    expect(found("  ")).toHaveLength(COMMANDS.length);
  });
  it("puts beginnings first", () => {
    expect(found("send")).toEqual(["SEND_MAIL", "Pause SEND_MAIL"]);
    expect(found("resi")).toEqual(["Resume RESIZE_IMAGE"]);
    expect(found("mail")).toEqual(["SEND_MAIL", "Pause SEND_MAIL"]);
  });
  it("wants all of the words, in any order", () => {
    expect(found("mail pause")).toEqual(["Pause SEND_MAIL"]);
    expect(found("pause resize")).toEqual([]);
  });
  it("finds by other words, and in any writing", () => {
    expect(found("job")).toEqual(["Jobs", "ジョブ"]);
    expect(found("ジョ")).toEqual(["ジョブ"]);
    expect(found("binding")).toEqual(["SEND_MAIL"]);
  });
  it("shows only so many", () => {
    const many = Array.from({ length: 500 }, (_, n) => command(`job ${n}`));
    expect(matching(many, "job")).toHaveLength(50);
  });
});
