import { expect, test } from "bun:test";
import { silentLogger } from "../../shared/log.ts";
import type { UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import { anInstance } from "../testing/anInstance.ts";
import { Rollout } from "./rollout.ts";

const offerOf = (version: string): UpgradeOffer => ({
  version,
  target: "linux-x64",
  file: "dstack-agent-linux-x64.gz",
  sha256: "0".repeat(64),
  size: 1,
  program_size: 1,
  signature: "",
  release_key: "",
});

const setUp = (count: number, isOn = true) => {
  const hosts = Array.from({ length: count }, (_, at) => anInstance({ id: `i-${at}`, name: `lab-${at}` }));
  const entries = hosts.map((instance) => ({ instance, fleetName: "lab", occupants: new Map() }));
  const state = { version: "2.0.0", now: 0 };
  const releases = {
    find: async (target: string) => (target === "linux-x64" ? offerOf(state.version) : undefined),
  };
  const rollout = new Rollout({ releases, capacity: { listAll: () => entries }, log: silentLogger, isOn });
  /** The version that the host is offered when it says this. */
  const ask = async (
    at: number,
    says: { is?: string; state?: string; about?: string; target?: string } = {},
  ) => {
    const upgrade = {
      target: says.target ?? "linux-x64",
      state: says.state ?? "ready",
      ...(says.about ? { version: says.about } : {}),
    };
    const instance = { id: `i-${at}`, name: `lab-${at}` };
    const sync = { agent_version: says.is ?? "1.0.0", upgrade };
    return (await rollout.offerFor(instance, sync, state.now))?.version;
  };
  return { ask, state };
};

test("one host first; when that runs the release, a tenth of all at a time", async () => {
  const { ask } = setUp(40);
  expect(await ask(0)).toBe("2.0.0");
  expect(await ask(1)).toBeUndefined();
  expect(await ask(0, { state: "working", about: "2.0.0" })).toBe("2.0.0");
  expect(await ask(0, { is: "2.0.0" })).toBeUndefined();
  expect(await Promise.all([1, 2, 3, 4, 5].map((at) => ask(at)))).toEqual([
    "2.0.0",
    "2.0.0",
    "2.0.0",
    "2.0.0",
    undefined,
  ]);
  await ask(1, { is: "2.0.0" });
  expect(await ask(5)).toBe("2.0.0");
});

test.each([
  ["that was told to stay as it is", { state: "off" }],
  ["that cannot replace itself", { state: "unable" }],
  ["for which there is no release", { target: "linux-riscv" }],
  ["that runs it already", { is: "2.0.0" }],
  ["in a state that is not known here", { state: "dancing" }],
])("an agent %s is offered nothing", async (_, says) => {
  const { ask } = setUp(3);
  expect(await ask(0, says)).toBeUndefined();
  expect(await ask(1)).toBe("2.0.0");
});

test("where it fails on several hosts nobody else gets it, until there is another", async () => {
  const { ask, state } = setUp(30);
  await ask(0);
  expect(await ask(0, { state: "failed", about: "2.0.0" })).toBeUndefined();
  expect(await ask(0)).toBeUndefined();
  expect(await ask(1)).toBe("2.0.0");
  expect(await ask(1, { state: "failed", about: "2.0.0" })).toBeUndefined();
  expect(await ask(2)).toBeUndefined();
  state.version = "2.0.1";
  expect(await ask(0, { state: "failed", about: "2.0.0" })).toBe("2.0.1");
});

test("a few failures among many that run it do not stop it, nor does a host that went away while it took it", async () => {
  const { ask, state } = setUp(40);
  for (let at = 0; at < 30; at++) {
    await ask(at);
    await ask(at, { is: "2.0.0" });
  }
  for (const at of [30, 31]) {
    await ask(at);
    await ask(at, { state: "failed", about: "2.0.0" });
  }
  expect(await Promise.all([32, 33, 34, 35].map((at) => ask(at)))).not.toContain(undefined);
  expect(await ask(36)).toBeUndefined();
  state.now += 16 * 60_000;
  expect(await ask(36)).toBeUndefined();
});

test("a release that is older is offered as well, and none where that is switched off", async () => {
  const { ask } = setUp(1);
  expect(await ask(0, { is: "3.0.0" })).toBe("2.0.0");
  expect(await setUp(1, false).ask(0)).toBeUndefined();
});
