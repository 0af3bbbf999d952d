import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import type { Scene } from "../scene.ts";

/** Flags that go together, and what the run's configuration then says. */
interface FlagGroup {
  name: string;
  args: readonly string[];
  covers: readonly string[];
  configuration: Record<string, unknown>;
}

const GROUPS: readonly FlagGroup[] = [
  {
    name: "needs",
    args: [
      ...["-e", "A=1", "-e", "FROM_SHELL", "--cpu", "2..4", "--memory", "1GB..2GB", "--disk", "10GB.."],
      ...["--gpu", "A100:40GB:2", "--max-price", "1.5", "--max-duration", "1h", "-b", "aws", "-b", "gcp"],
      ...["-r", "eu-west-1", "--instance-type", "p5.48xlarge", "--fleet", "pool", "--fleet", "main/gpu"],
    ],
    covers: [
      ...["--env", "--cpu", "--memory", "--disk", "--gpu", "--max-price", "--max-duration", "--backend"],
      ...["--region", "--instance-type", "--fleet"],
    ],
    configuration: {
      env: { A: "1", FROM_SHELL: "of the shell" },
      resources: {
        cpu: { count: { min: 2, max: 4 } },
        memory: { min: 1, max: 2 },
        disk: { size: { min: 10, max: null } },
        gpu: { name: ["A100"], memory: { min: 40, max: 40 }, count: { min: 2, max: 2 } },
      },
      max_price: 1.5,
      max_duration: 3600,
      backends: ["aws", "gcp"],
      regions: ["eu-west-1"],
      instance_types: ["p5.48xlarge"],
    },
  },
  {
    name: "spot",
    args: ["--spot", "--reuse", "--retry"],
    covers: ["--spot", "--reuse", "--retry"],
    configuration: { spot_policy: "spot", creation_policy: "reuse", retry: true },
  },
  {
    name: "on-demand",
    args: ["--on-demand", "--dont-destroy", "--no-retry"],
    covers: ["--on-demand", "--dont-destroy", "--no-retry"],
    configuration: { spot_policy: "on-demand", idle_duration: -1, retry: false },
  },
  {
    name: "spot-auto",
    args: ["--spot-auto", "--idle-duration", "2h", "--retry-duration", "30m"],
    covers: ["--spot-auto", "--idle-duration", "--retry-duration"],
    configuration: { spot_policy: "auto", idle_duration: 7200, retry: { duration: 1800 } },
  },
  {
    name: "spot-policy",
    args: ["--spot-policy", "auto", "--max-offers", "1", "--full-offers", "--unallocated"],
    covers: ["--spot-policy", "--max-offers", "--full-offers", "--unallocated"],
    configuration: { spot_policy: "auto" },
  },
];

const env = { FROM_SHELL: "of the shell" };

/** Flags of all types of runs beside those of the groups. */
const OTHER_FLAGS = [
  ...["--name", "--profile", "--no-profile", "--no-repo", "--ssh-identity"],
  ...["--repo", "--repo-branch", "--repo-hash", "--token", "--git-identity"],
];

/** There is no such repository: the client says so itself. */
const refuseRepo = async ({ fails }: Scene, key: string, apply: readonly string[]): Promise<void> => {
  const repo = ["--repo", "https://127.0.0.1:9/no/repo.git"];
  const at = ["--repo-branch", "main", "--repo-hash", "0".repeat(40), "--token", "t"];
  await fails([...apply, ...repo, ...at]);
  await fails([...apply, ...repo, "--git-identity", key]);
};

/** Whatever its flags, the client is told that there are no services yet. */
const serviceCase: Case = {
  name: "apply-service",
  expect: "with each of its flags: refused in a sentence, exit 1, and nothing is stored",
  covers: { "apply service": [...GROUPS.flatMap(({ covers }) => covers), ...OTHER_FLAGS, "RUN_ARGS"] },
  later: "services",
  run: async (scene) => {
    const { name, write, fails, stock, makeKey } = scene;
    await write(".dstack/profiles.yml", { profiles: [{ name: "usual" }] });
    const file = await write("f.dstack.yml", { type: "service", port: 8000, commands: ["sleep 600"] });
    const [needs, spot, onDemand, spotAuto, spotPolicy] = GROUPS.map(({ args }) => args);
    const key = await makeKey();
    const apply = ["apply", "-f", file, "-y", "-d", "-n", name];
    for (const args of [
      [...(needs ?? []), "--ssh-identity", key],
      [...(spot ?? []), "--profile", "usual"],
      [...(onDemand ?? []), "--no-profile"],
      [...(spotAuto ?? []), "--no-repo"],
      [...(spotPolicy ?? []), "--", "more"],
    ])
      assert.match(
        await fails([...apply, ...args], { env }),
        /Services are not supported by this version yet/,
      );
    const found = await stock(["run", "get", name, "--json"]);
    assert.match(found.stdout, /not found/);
    await refuseRepo(scene, key, apply);
  },
};

const devEnvironmentCase: Case = {
  name: "apply-dev-environment",
  expect:
    "the run's configuration says what each of the flags says; a repository that is not there is refused",
  covers: {
    "apply dev-environment": [
      ...GROUPS.flatMap(({ covers }) => covers),
      ...OTHER_FLAGS,
      ...["--port", "--host"],
    ],
  },
  run: async (scene) => {
    const { name, ok, write, makeKey, getRun, api } = scene;
    await write(".dstack/profiles.yml", { profiles: [{ name: "usual", max_price: 7 }] });
    const file = await write("f.dstack.yml", { type: "dev-environment", ide: "zed" });
    const key = await makeKey();
    const others = [
      { args: ["--ssh-identity", key], spec: { ssh_key_pub: (await Bun.file(`${key}.pub`).text()).trim() } },
      { args: ["--profile", "usual"], spec: { profile: { max_price: 7 } } },
      { args: ["--no-profile"], spec: { profile: { max_price: null } } },
      { args: ["--no-repo"], spec: {} },
      {
        args: ["-p", "18126:8000", "--host", "127.0.0.1"],
        spec: { configuration: { ports: [{ local_port: 18_126, container_port: 8000 }] } },
      },
    ];
    const started: string[] = [];
    for (const [at, { args, configuration }] of GROUPS.entries()) {
      const other = others[at];
      const run = `${name}-${at}`;
      await ok(["apply", "-f", file, "-y", "-d", "-n", run, ...args, ...(other?.args ?? [])], { env });
      started.push(run);
      const { run_spec: spec } = await getRun(run);
      const sent = JSON.parse(JSON.stringify({ ...spec, ssh_key_pub: spec.ssh_key_pub?.trim() ?? null }));
      assertHas(sent, { ...other?.spec });
      assertHas(sent.configuration, { ...configuration, type: "dev-environment", ide: "zed" });
    }
    await api("runs/stop", { runs_names: started, abort: true });
    await refuseRepo(scene, key, ["apply", "-f", file, "-y", "-d", "-n", name]);
  },
};

const submitted = async ({ name, ok, task, getRun }: Scene, args: readonly string[]) => {
  const file = await task(["true"], { fleets: null });
  await ok(["apply", "-f", file, "-y", "-d", ...args], { env });
  return (await getRun(name)).run_spec;
};

export const applyFlagCases: Case[] = [
  ...GROUPS.map(
    ({ name, args, covers, configuration }): Case => ({
      name: `apply-${name}`,
      expect: `the run's configuration says what the flags say (${covers.join(" ")})`,
      covers: { "apply task": covers },
      run: async (scene) => {
        const spec = await submitted(scene, args);
        assertHas(JSON.parse(JSON.stringify(spec.configuration)), configuration);
        // It may wait for an offer as long as it is to be retried.
        await scene.api("runs/stop", { runs_names: [scene.name], abort: true });
      },
    }),
  ),
  {
    name: "apply-plan-flags",
    expect: "--max-offers cuts the plan; -v shows what is left at its default; -n names the run",
    covers: {
      apply: ["--verbose", "--project"],
      "apply task": ["--max-offers", "--full-offers", "--unallocated", "--name"],
    },
    run: async ({ name, stock, task }) => {
      const file = await task(["true"], { name: "other" });
      const flags = ["--max-offers", "1", "--full-offers", "--unallocated", "-v", "-n", name];
      const { stdout, code } = await stock(["apply", "--project", "main", "-f", file, ...flags], {
        input: "n\n",
      });
      assert.equal(code, 0);
      assert.match(stdout, /^ Creation policy +reuse-or-create *$/m);
      assert.match(stdout, /^ Reservation +no *$/m);
      // A host that another case uses meanwhile has nothing that is unallocated.
      assert.match(stdout, /Shown 1 of [1-9] offers/);
      assert.match(stdout, new RegExp(`Submit the run ${name}\\?`));
    },
  },
  {
    name: "apply-profile",
    expect:
      "--profile, DSTACK_PROFILE and the default one fill in what the file leaves open; --no-profile nothing",
    covers: { "apply task": ["--profile", "--no-profile"] },
    run: async ({ name, ok, fails, task, write, getRun }) => {
      const profiles = [
        { name: "cheap", max_price: 0.25 },
        { name: "usual", max_price: 7, default: true },
      ];
      await write(".dstack/profiles.yml", { profiles });
      const file = await task(["true"]);
      const priceWith = async (suffix: string, args: string[], more: Record<string, string> = {}) => {
        const run = `${name}-${suffix}`;
        await ok(["apply", "-f", file, "-y", "-d", "-n", run, ...args], { env: more });
        return (await getRun(run)).run_spec.profile?.max_price ?? null;
      };
      assert.equal(await priceWith("a", ["--profile", "cheap"]), 0.25);
      assert.equal(await priceWith("b", []), 7);
      assert.equal(await priceWith("c", ["--no-profile"]), null);
      assert.equal(await priceWith("d", [], { DSTACK_PROFILE: "cheap" }), 0.25);
      const refused = await fails(["apply", "-f", file, "-y", "-d", "--profile", "absent"]);
      assert.match(refused, /No such profile: absent/);
    },
  },
  {
    name: "apply-run-args",
    expect: "what stands behind -- takes the place of run.args; -p is kept in the configuration",
    covers: { "apply task": ["RUN_ARGS", "--port"] },
    run: async ({ name, ok, task, waitForStatus }) => {
      const file = await task(["printf '<%s>' $" + "{{ run.args }}"]);
      await ok(["apply", "-f", file, "-y", "-d", "-p", "18125:8000", "--", "two words", "x"]);
      const { run_spec: spec } = await waitForStatus("done");
      assertHas(spec.configuration, { ports: [{ local_port: 18_125, container_port: 8000 }] });
      assert.match(await ok(["logs", name]), /<two words><x>/);
    },
  },
  {
    name: "apply-ssh-identity",
    expect: "the public half goes with the run; a file that is no key is refused with 1",
    covers: { "apply task": ["--ssh-identity"] },
    run: async (scene) => {
      const key = await scene.makeKey();
      const spec = await submitted(scene, ["--ssh-identity", key]);
      assert.equal(spec.ssh_key_pub?.trim(), (await Bun.file(`${key}.pub`).text()).trim());
      const bad = await scene.write("bad", "no key");
      const refused = ["apply", "-f", `${scene.name}.dstack.yml`, "-y", "-d", "--ssh-identity", bad];
      // 0.21.2 leaves with a trace of its own.
      const said = scene.version === "0.21.2" ? /Traceback|SSH key/ : /SSH key/;
      assert.match(await scene.fails(refused), said);
    },
  },
  serviceCase,
  devEnvironmentCase,
];
