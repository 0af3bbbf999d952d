import { describe, expect, test } from "bun:test";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError } from "./problems.ts";

const errorOf = (text: string): ConfigurationError => {
  try {
    loadConfiguration(text, { path: "x.yml" });
  } catch (err) {
    if (err instanceof ConfigurationError) return err;
    throw err;
  }
  throw new Error("no error");
};

/** All lines after the headline. */
const linesOf = (text: string): string[] => errorOf(text).message.split("\n").slice(1);

describe("ConfigurationError", () => {
  test("names places inside lists in lists", () => {
    const text = `type: task
groups:
  - commands: [x]
    ports: [8000, 80:x]
    resources: {gpu: {name: [A100, {}], compute_capability: [8, x]}}
  - commands: [x]
    nodes: none
schedule: {cron: ["0 0 * * *", "0 0 * *"]}
instances: [a, {fleet: f, instance: -1}]
`;
    expect(linesOf(text).filter((line) => line.startsWith("x.yml"))).toEqual([
      expect.stringContaining("x.yml:4:19: groups[0].ports[1]: "),
      expect.stringContaining("x.yml:5:36: groups[0].resources.gpu.name[1]: "),
      expect.stringContaining("x.yml:5:65: groups[0].resources.gpu.compute_capability[1]: "),
      expect.stringContaining("x.yml:7:12: groups[1].nodes: "),
      expect.stringContaining("x.yml:8:32: schedule.cron[1]: "),
      expect.stringContaining("x.yml:9:37: instances[1].instance: "),
    ]);
  });

  test("marks what is wrong, under tabs and in long lines too", () => {
    const [, shown, marks] = linesOf(`type: task\ncommands: [x]\nenv: ["${"A".repeat(300)}=1", "=x"]\n`);
    expect(shown?.length).toBeLessThan(120);
    expect(shown?.slice((marks ?? "").indexOf("^"))).toStartWith('"=x"');
    expect(linesOf("type: task\ncommands: [x]\nports:\t[\tnope ]\n").slice(1)).toEqual([
      "   3 | ports:\t[\tnope ]",
      "     |       \t \t^^^^",
    ]);
  });

  test("shows the text that is not YAML by line and column, and one mistake only", () => {
    expect(linesOf("type: task\nenv: {A: 1\ncommands: [x]\n")[0]).toStartWith("x.yml:3:1: ");
    expect(errorOf("a: b: c").message).toStartWith("1 validation error for x.yml\nx.yml:1:4: ");
    expect(errorOf("a: b: c").problems).toMatchObject([{ kind: "yaml_syntax" }]);
    expect(linesOf("a: [\n\n")).toHaveLength(1);
  });

  test("says what is known where nothing is near", () => {
    const [line] = linesOf(
      "type: task\ncommands: [x]\nregistry_auth: {username: a, password: b, region: c}\n",
    );
    expect(line).toEndWith('Unknown property "region": known are username, password');
  });

  test("is decorated part by part", () => {
    const error = errorOf("type: task\ncommands: 1\n");
    expect(error.format((text, part) => `<${part}>${text}</>`).split("\n")).toEqual([
      "1 validation error for x.yml",
      "<place>x.yml:2:11:</> commands: Expected a list, got the number 1",
      "<gutter>   2 |</> commands: 1",
      "<gutter>     |</>           <mark>^</>",
    ]);
  });
});
