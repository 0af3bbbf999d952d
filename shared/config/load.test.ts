import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../errors.ts";
import { AnyConfiguration } from "./configuration.ts";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError } from "./problems.ts";

const load = (text: string) => loadConfiguration(text, { path: "x.dstack.yml" });

const messageOf = (text: string): string => {
  try {
    load(text);
  } catch (err) {
    if (err instanceof AppError) return err.message;
    throw err;
  }
  return "no error";
};

describe("loadConfiguration()", () => {
  test("tells every mistake with its place, the property and what was meant", () => {
    const text = `type: task
comands: [x]
resources:
  gpus: 1
  memory: 24G
spot_policy: on_demand
ports: 80
retry: {on_events: [eror]}
`;
    expect(messageOf(text).split("\n")).toEqual([
      "6 validation errors for x.dstack.yml",
      'x.dstack.yml:2:1: comands: Unknown property "comands": did you mean commands?',
      "   2 | comands: [x]",
      "     | ^^^^^^^",
      'x.dstack.yml:4:3: resources.gpus: Unknown property "gpus": did you mean gpu?',
      "   4 |   gpus: 1",
      "     |   ^^^^",
      'x.dstack.yml:5:11: resources.memory: Cannot read "24G" as a size: expected a number with MB, GB or TB',
      "   5 |   memory: 24G",
      "     |           ^^^",
      'x.dstack.yml:6:14: spot_policy: Expected one of spot, on-demand, auto, got the text "on_demand": did you mean on-demand?',
      "   6 | spot_policy: on_demand",
      "     |              ^^^^^^^^^",
      "x.dstack.yml:7:8: ports: Expected a list, got the number 80",
      "   7 | ports: 80",
      "     |        ^^",
      'x.dstack.yml:8:21: retry.on_events[0]: Expected one of no-capacity, interruption, error, got the text "eror": did you mean error?',
      "   8 | retry: {on_events: [eror]}",
      "     |                     ^^^^",
    ]);
  });

  test("keeps value, path and kind of a mistake for programs", () => {
    try {
      load("type: task\ncommands: [x]\nports: [0]\n");
    } catch (err) {
      expect(err).toBeInstanceOf(ConfigurationError);
      expect((err as ConfigurationError).code).toBe("invalid");
      expect((err as ConfigurationError).problems).toMatchObject([
        { kind: "out_of_range", path: ["ports", 0, "local_port"], position: { line: 3, column: 9 } },
        { kind: "out_of_range", path: ["ports", 0, "container_port"], position: { line: 3, column: 9 } },
      ]);
    }
  });

  test.each([
    ["", "x.dstack.yml:1:1: Expected a mapping with the property type, got nothing"],
    ["type: tsak", 'x.dstack.yml:1:7: type: Unknown type "tsak": did you mean task?'],
    [
      "a: [",
      "x.dstack.yml:1:5: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["type: preset\nbase: 1\nrepo: 2", "x.dstack.yml:1:1: base and repo exclude each other"],
  ])("says of %j what is wrong", (text, message) => expect(messageOf(text)).toContain(message));

  test("gives a configuration or an AppError for any text", () => {
    const key = fc.constantFrom(
      ..."type commands image env resources gpu cpu memory count ports port nodes groups replicas scaling name path".split(
        " ",
      ),
      ..."volumes repos files retry schedule cron probes model gateway ssh_config hosts backend tags min max".split(
        " ",
      ),
    );
    const leaf = fc.oneof(
      key,
      fc.constantFrom(
        "task",
        "service",
        "fleet",
        "volume",
        "gateway",
        "dev-environment",
        "1..2",
        "off",
        "aws",
        "a:b",
        "${{",
        "1h",
      ),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.string(),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
      ),
    }));
    const type = fc.constantFrom("task", "service", "fleet", "volume", "gateway", "dev-environment");
    const file = fc
      .tuple(type, fc.dictionary(key, value, { maxKeys: 6 }))
      .map(([type, properties]) => JSON.stringify({ ...properties, type }));
    fc.assert(
      fc.property(fc.oneof({ arbitrary: file, weight: 4 }, fc.string()), (text) => {
        try {
          const configuration = load(text);
          // What was read once is read again as the same: it is what goes over the wire.
          expect(AnyConfiguration.parse(JSON.parse(JSON.stringify(configuration)))).toEqual(configuration);
        } catch (err) {
          if (!(err instanceof AppError)) throw err;
        }
      }),
      { numRuns: 1500 },
    );
  }, 60_000);
});
