import { describe, expect, test } from "bun:test";
import { RunConfiguration } from "./configuration.ts";
import { withOverrides } from "./overrides.ts";
import { resolveRun } from "./resolve.ts";

const client = { path: "x.dstack.yml", env: { HF_TOKEN: "hf" }, runArgs: [] };

const run = (configuration: object) => RunConfiguration.parse(configuration);
const task = (configuration: object) => run({ type: "task", commands: ["x"], ...configuration });

describe("resolveRun()", () => {
  test("takes variables without a value from the client's environment", () => {
    expect(resolveRun(task({ env: ["HF_TOKEN", "A=1"] }), client).env).toEqual({ HF_TOKEN: "hf", A: "1" });
  });

  test("names everything that is missing, by property", () => {
    const service = run({
      type: "service",
      port: 80,
      image: "app",
      commands: [`serve \${{ env.A }}`],
      env: ["NOPE"],
      probes: [{ type: "http", headers: [{ name: "x", value: `\${{ env.B }}` }] }],
      working_dir: "src",
    });
    expect(() => resolveRun(service, client)).toThrow(
      [
        "4 validation errors for x.dstack.yml",
        "x.dstack.yml: env: Environment variable NOPE is not set",
        "x.dstack.yml: commands[0]: Not known here: env.A (commands may refer to run.args; variables of the environment are the shell's: $NAME)",
        "x.dstack.yml: probes[0].headers[0].value: Not known here: env.B (only env and secrets may be referred to here)",
        "x.dstack.yml: working_dir: working_dir must be absolute, or begin with ~",
      ].join("\n"),
    );
  });

  test("leaves secrets and addresses of nodes to the server", () => {
    const commands = [`echo \${{ secrets.a }} \${{ groups[0].nodes[1].IP_ADDRESS }} \${{ run.args }}`];
    const resolved = resolveRun(task({ commands }), { ...client, runArgs: ["a b"] });
    expect(resolved).toMatchObject({
      commands: [`echo \${{ secrets.a }} \${{ groups[0].nodes[1].IP_ADDRESS }} 'a b'`],
    });
  });
});

describe("withOverrides()", () => {
  const port = (local_port: number | null, container_port: number) => ({ local_port, container_port });

  test("puts ports over those of the same container port", () => {
    const { ports } = withOverrides(task({ ports: [8080, 6006] }), {
      ports: [port(3000, 8080), port(null, 9090)],
    }) as { ports: unknown };
    expect(ports).toEqual([port(3000, 8080), port(6006, 6006), port(null, 9090)]);
  });

  test.each([
    [[80, "81:80"], [port(1, 1)], "Port 80 is already in use"],
    [[80], [port(80, 1)], "Port 80 is already in use"],
    [[], [port(1, 9), port(2, 9)], "Port 9 is already in use"],
  ])("refuses a port that stands twice: %j with %j", (ports, given, message) => {
    expect(() => withOverrides(task({ ports }), { ports: given })).toThrow(message);
  });

  test("leaves ports alone without any on the command line", () => {
    expect(withOverrides(task({ ports: [80, "81:80"] }), {})).toMatchObject({
      ports: [port(80, 80), port(81, 80)],
    });
  });

  test("a service has none to forward", () => {
    const service = run({ type: "service", port: 80, image: "app" });
    expect(() => withOverrides(service, { ports: [port(1, 1)] })).toThrow(/A service has one port/);
  });
});
