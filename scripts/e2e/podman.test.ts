/** The same runtime on Podman, which speaks Docker's API: what jobs need of it. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeJob } from "../../agent/runtime/runtime.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { dockerJob, hooksOf, outputOf, runtimeOn, shell } from "./harness/dockerJob.ts";
import type { Engine } from "./harness/engine.ts";
import { importImage, TEST_IMAGE } from "./harness/image.ts";
import { createNetwork } from "./harness/network.ts";
import { startPodman } from "./harness/podman.ts";
import { pushImage } from "./harness/pushedImage.ts";
import { type Registry, startRegistry } from "./harness/registry.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root", "docker", "podman", "registry"], "the docker runtime on Podman", () => {
  const undo = new AsyncDisposableStack();
  let engine: Engine;
  let registry: Registry;
  let dir: string;
  let runtime: ReturnType<typeof runtimeOn>;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    registry = undo.use(await startRegistry({ ip: network.ip, dir: join(dir, "registry") }));
    const host = await network.addHost("podman");
    engine = undo.use(
      await startPodman({ host, dir: join(dir, "engine"), insecureRegistry: registry.address }),
    );
    await importImage(engine);
    runtime = runtimeOn(engine);
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);
  // What one test that fails leaves is not for the next one to stumble over.
  afterEach(async () => {
    const left = (await engine.docker("ps", "-aq")).split("\n").filter(Boolean);
    if (left.length > 0) await engine.docker("rm", "-f", ...left);
  }, 60_000);

  const runToEnd = async (job: RuntimeJob) => {
    const running = await runtime.start(job, hooksOf());
    const end = await running.ended;
    const output = await outputOf(job);
    await runtime.remove(job.assignment.submission_id, job.dir);
    expect(await engine.docker("ps", "-aq")).toBe("");
    return { ...end, output };
  };

  test("output and end", async () => {
    expect(await runToEnd(dockerJob(dir, { argv: shell("echo hello; exit 3") }))).toEqual({
      exitStatus: 3,
      reason: "container_exited_with_error",
      message: "",
      output: "hello\r\n",
    });
  });

  test("user, working directory, environment, files, mounts, limits", async () => {
    const archive = join(dir, "uploaded");
    mkdirSync(archive);
    writeFileSync(join(archive, "main.py"), "print(1)\n", { mode: 0o600 });
    const work =
      "id -un; pwd; echo $A; cat ~/code/main.py; touch /data/x && echo written; df -m /dev/shm | tail -1";
    const job = dockerJob(
      dir,
      {
        argv: shell(work),
        env: { A: "1" },
        user: "worker",
        working_dir: "~/new",
        memory_mib: 128,
        cpus: 1,
        shm_size_mib: 32,
        mounts: [{ source: join(dir, "data"), target: "/data" }],
      },
      [{ source: archive, target: "~/code" }],
    );
    const { output } = await runToEnd(job);
    const lines = output.trimEnd().split("\r\n");
    expect(lines.slice(0, 5)).toEqual(["worker", "/tmp/new", "1", "print(1)", "written"]);
    expect(lines[5]).toMatch(/\s32\s/);
  });

  test("what cannot be run is said", async () => {
    const refused = (assignment: Partial<RuntimeJob["assignment"]>) =>
      runtime.start(dockerJob(dir, { argv: ["true"], ...assignment }), hooksOf()).then(
        () => undefined,
        (err: unknown) => err,
      );
    expect(await refused({ argv: ["/bin/nothere"] })).toMatchObject({
      message: `Cannot run "/bin/nothere" in the image "${TEST_IMAGE}": no such file or directory`,
    });
    expect(await refused({ user: "ghost" })).toMatchObject({
      message: `Cannot run as the user "ghost": the image "${TEST_IMAGE}" does not know it`,
    });
    expect(await refused({ image: `${registry.address}/nothere:1` })).toMatchObject({
      reason: "creating_container_error",
      message: expect.stringContaining("manifest unknown"),
    });
    const foreign = await pushImage(registry, { name: "e2e/foreign:1", architecture: "s390x" });
    expect(await refused({ image: foreign.image })).toMatchObject({
      reason: "creating_container_error",
      message: expect.stringContaining("it is made for linux/s390x, and the host is linux/"),
    });
    expect(registry.program.output()).not.toContain(foreign.layer);
    expect(await engine.docker("ps", "-aq")).toBe("");
  });

  test("a missing image is pulled", async () => {
    const image = `${registry.address}/e2e/pulled:1`;
    await engine.docker("tag", TEST_IMAGE, image);
    await engine.docker("push", "-q", image);
    await engine.docker("rmi", image);
    const job = dockerJob(dir, { argv: ["echo", "pulled"], image });
    expect((await runToEnd(job)).output).toBe("pulled\r\n");
  });

  test("the exit code of what ends while Podman is still busy with its start", async () => {
    for (const code of [3, 4, 5, 6, 7, 8])
      expect(await runToEnd(dockerJob(dir, { argv: ["sh", "-c", `exit ${code}`] }))).toMatchObject({
        exitStatus: code,
      });
  }, 60_000);

  test("a stop interrupts, and kills what does not end", async () => {
    const polite = dockerJob(dir, {
      argv: shell("trap 'echo saved; exit 5' INT; echo ready; sleep 60; echo never"),
    });
    const stubborn = dockerJob(dir, {
      argv: ["sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 1; done"],
    });
    for (const [job, graceMs, expected] of [
      [polite, 30_000, { exitStatus: 5 }],
      [stubborn, 300, { exitStatus: -1, signal: "SIGKILL" }],
    ] as const) {
      const running = await runtime.start(job, hooksOf());
      await waitFor("the command to be ready", async () => (await outputOf(job)).includes("ready"));
      running.stop(graceMs);
      expect(await running.ended).toMatchObject(expected);
      await runtime.remove(job.assignment.submission_id, job.dir);
    }
  }, 30_000);

  test("the containers of finished jobs stay, so many as are wanted", async () => {
    const keeping = runtimeOn(engine, { DSTACK_AGENT_KEEP_FINISHED: "1" });
    const jobs = ["one-0-0", "two-0-0"].map((job_name) => dockerJob(dir, { job_name, argv: ["true"] }));
    for (const job of jobs) {
      await (await keeping.start(job, hooksOf())).ended;
      await keeping.remove(job.assignment.submission_id, job.dir);
    }
    const names = (await engine.docker("ps", "-a", "--format", "{{.Names}}")).trim();
    expect(names).toMatch(/^two-0-0-[0-9a-f-]+-finished$/);
    for (const job of jobs) await runtime.remove(job.assignment.submission_id, job.dir);
    expect(await engine.docker("ps", "-aq")).toBe("");
  }, 30_000);

  test("adopted by another process of the agent: all output and the exit status, once", async () => {
    const job = dockerJob(dir, {
      argv: ["sh", "-c", "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.3; done; exit 7"],
    });
    await runtime.start(job, hooksOf());
    await waitFor("the first line", async () => (await outputOf(job)).includes("line 2\r\n"));
    // The first watch goes on to write: another file stands for what a killed agent has left.
    const left = { ...job, spoolPath: `${job.spoolPath}.left` };
    writeFileSync(left.spoolPath, "line 1\r\nline 2\r\n");
    const adopted = await runtimeOn(engine).adopt(left, hooksOf());
    expect(await adopted?.ended).toMatchObject({ exitStatus: 7 });
    expect(await outputOf(left)).toBe([1, 2, 3, 4, 5, 6].map((line) => `line ${line}\r\n`).join(""));
    await runtime.remove(job.assignment.submission_id, job.dir);
  }, 30_000);
});
