/** `dstack-agent doctor` against a real engine: it sets up a container, pulls nothing and leaves nothing. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { checkEngine } from "../../agent/doctor/engine.ts";
import { probeContainer } from "../../agent/runtime/docker/probe.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startEngine } from "./harness/engine.ts";
import { createNetwork } from "./harness/network.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root", "docker"], "doctor", () => {
  test("has an engine set up a container, and is told what it lacks for devices", async () => {
    using dir = tempDir();
    await using network = await createNetwork();
    const host = await network.addHost("sick");
    await using engine = await startEngine({ host, dir: join(dir.path, "engine") });
    const signal = new AbortController().signal;
    const findings = await checkEngine(engine.address, [], { isNeeded: true, signal });
    expect(findings.map(({ check, level }) => [check, level])).toEqual([
      ["engine", "good"],
      ["space", expect.any(String)],
      ["containers", "good"],
    ]);
    expect(await probeContainer(engine.address, ["GPU-5d1c0f3e"])).toMatch(/device driver|nvidia|cdi/i);
    expect(await engine.docker("ps", "-aq")).toBe("");
    expect(await engine.docker("images", "-q")).toBe("");
  }, 90_000);
});
