import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { agentFleetSpec } from "../domain/fleets/agentFleet.ts";
import { patchFleet } from "../store/fleets.ts";
import { openSecretBox } from "../store/secretBox.ts";
import { openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { createAssignment } from "./assign.ts";
import { DEFAULT_SILENCE_MS, patienceOf } from "./engineDeps.ts";

test("volumes keep what is optional of them; a log quota is told where the server has one, 0 too", async () => {
  await using t = await openEngine();
  using dir = tempDir();
  const instance = hostRow(0, "docker");
  await t.engine.addHost(instance);
  await t.engine.submit("one", {
    volumes: ["/data:/data", { instance_path: "/cache", path: "/cache", optional: true }],
  });
  const submission = await t.engine.latest("one");
  const deps = {
    db: t.engine.db,
    box: openSecretBox(join(dir.path, "key")),
    patience: patienceOf(DEFAULT_SILENCE_MS),
  };
  const assignment = await createAssignment(deps, submission, instance);
  expect(assignment.mounts).toEqual([
    { source: "/data", target: "/data", optional: false },
    { source: "/cache", target: "/cache", optional: true },
  ]);
  expect(assignment).not.toHaveProperty("log_quota_hour");
  for (const logQuotaHour of [0, 1_000])
    expect(await createAssignment({ ...deps, logQuotaHour }, submission, instance)).toMatchObject({
      log_quota_hour: logQuotaHour,
    });
});

test("a fleet's default image is for jobs that name none, whenever it was set", async () => {
  await using t = await openEngine();
  using dir = tempDir();
  const hosts = await Promise.all([0, 1, 2, 3].map((at) => t.engine.addHost(hostRow(at, "docker"))));
  const deps = {
    db: t.engine.db,
    box: openSecretBox(join(dir.path, "key")),
    patience: patienceOf(DEFAULT_SILENCE_MS),
  };
  const imageOf = async (run: string) => {
    const submission = await t.engine.latest(run);
    const host = hosts.find(({ id }) => id === submission.instance_id);
    if (!host) throw new Error(`${run} is on no host`);
    return (await createAssignment(deps, submission, host)).image;
  };
  await t.engine.submit("none");
  expect(await imageOf("none")).toStartWith("dstackai/base:");
  const spec = agentFleetSpec("lab");
  const configuration = { ...spec.configuration, default_image: "lab/base:1" };
  await patchFleet(t.engine.db, hosts[0]?.fleet_id ?? "", { spec: { ...spec, configuration } });
  expect(await imageOf("none")).toBe("lab/base:1");
  for (const [run, own, image] of [
    ["named", { image: "theirs:1" }, "theirs:1"],
    ["docker", { docker: true }, "dstackai/dind"],
    ["python", { python: "3.11" }, "lab/base:1"],
  ] as const) {
    await t.engine.submit(run, own);
    expect(await imageOf(run)).toBe(image);
  }
});
