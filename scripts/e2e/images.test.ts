/** What images jobs can run in: nothing of the agent's needs anything inside one. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeJob } from "../../agent/runtime/runtime.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { dockerJob, hooksOf, outputOf, runtimeOn, shell } from "./harness/dockerJob.ts";
import { type Engine, startEngine } from "./harness/engine.ts";
import { fillFromHost, fillWithProgram, importImage, makeImage, TEST_IMAGE } from "./harness/image.ts";
import { createNetwork } from "./harness/network.ts";
import { describeWith } from "./harness/requirements.ts";

/** Containers cannot have more than their engine: virtual machines may leave some out. */
const HAS_ALL_CAPABILITIES = /^CapBnd:\s+0+1?f+$/m.test(readFileSync("/proc/self/status", "utf8"));

describeWith(["root", "docker"], "images", () => {
  const undo = new AsyncDisposableStack();
  let engine: Engine;
  let dir: string;
  let debian: string;
  let distroless: string;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const host = await undo.use(await createNetwork()).addHost("images");
    engine = undo.use(await startEngine({ host, dir: join(dir, "engine") }));
    await importImage(engine);
    debian = await makeImage(engine, { name: "dstack-e2e:debian", fill: fillFromHost });
    const fill = fillWithProgram("echo");
    const changes = ['ENTRYPOINT ["/app/echo"]', 'CMD ["hello"]'];
    distroless = await makeImage(engine, { name: "dstack-e2e:distroless", fill, changes });
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);

  const runToEnd = async (
    assignment: Partial<RuntimeJob["assignment"]>,
    settings: Record<string, string> = {},
  ) => {
    const job = dockerJob(dir, assignment);
    const runtime = runtimeOn(engine, settings);
    try {
      const running = await runtime.start(job, hooksOf());
      const { exitStatus, message } = await running.ended;
      return { exitStatus, message, lines: (await outputOf(job)).trimEnd().split("\r\n"), ...running };
    } finally {
      await runtime.remove(job.assignment.submission_id, job.dir);
    }
  };
  const refusalOf = (assignment: Partial<RuntimeJob["assignment"]>, settings?: Record<string, string>) =>
    runToEnd(assignment, settings).then(
      () => undefined,
      (err: unknown) => err,
    );

  test("one with glibc and bash", async () => {
    const argv = ["/bin/bash", "-i", "-c", "[[ $BASH_VERSION ]] && pwd && id -un && ls ~ && echo done"];
    const { exitStatus, lines } = await runToEnd({ image: debian, argv, working_dir: "/work" });
    expect(lines.slice(-3)).toEqual(["/work", "root", "done"]);
    expect(exitStatus).toBe(0);
  });

  test("one with busybox", async () => {
    const { lines } = await runToEnd({ argv: shell("echo $0; cat /proc/1/comm") });
    expect(lines).toEqual(["/bin/sh", "docker-init"]);
  });

  test("one whose user is not root, with its groups, and a folder of its own to work in", async () => {
    const image = await importImage(engine, "dstack-e2e:nonroot", ["USER worker", "WORKDIR /tmp"]);
    const work = "id -un; id -G; pwd; echo $HOME; touch here && echo written; touch /etc/x || echo refused";
    const { lines, username } = await runToEnd({ image, argv: shell(work), working_dir: "/data/new" });
    expect(lines.filter((line) => !line.startsWith("touch:"))).toEqual([
      "worker",
      "1000 44",
      "/data/new",
      "/tmp",
      "written",
      "refused",
    ]);
    expect(username).toBe("worker");
    const explicit = await runToEnd({ image, argv: shell("id -u; id -G"), user: "1234:44" });
    expect(explicit.lines).toEqual(["1234", "44"]);
    expect(await refusalOf({ image, argv: ["true"], user: "ghost" })).toMatchObject({
      reason: "executor_error",
      message: `Cannot run as the user "ghost": the image "${image}" does not know it`,
    });
  });

  test("one that cannot be written to, where the operator wants that", async () => {
    const work = "touch /x || echo refused; touch /tmp/x /run/x && echo written";
    const { lines } = await runToEnd({ argv: shell(work) }, { DSTACK_AGENT_READ_ONLY: "1" });
    expect(lines.at(-1)).toBe("written");
    expect(lines.at(-2)).toBe("refused");
  });

  test("one with a single static program: its own command, and an entrypoint", async () => {
    expect(await runToEnd({ image: distroless, argv: [] })).toMatchObject({
      exitStatus: 0,
      lines: ["hello"],
    });
    const argv = ["/app/echo", "given"];
    expect(await runToEnd({ image: distroless, argv })).toMatchObject({
      exitStatus: 0,
      lines: ["given"],
      workingDir: "/",
      username: "root",
    });
  });

  test("one without a shell, for commands that need one", async () => {
    const end = await runToEnd({ image: distroless, argv: shell("echo never") });
    expect(end).toMatchObject({
      exitStatus: 127,
      message:
        'The image has no shell "/bin/sh" to run the commands with: name the one it has in "shell", or give an "entrypoint", which needs none',
    });
  });

  test("one that says nothing of what to run", async () => {
    const image = await makeImage(engine, { name: "dstack-e2e:mute", fill: fillWithProgram("true") });
    expect(await refusalOf({ image, argv: [] })).toMatchObject({
      reason: "creating_container_error",
      message: `The image "${image}" has neither an entrypoint nor a command: give commands`,
    });
  });

  test("a huge environment; and one that Linux has no room for, said before the image is pulled", async () => {
    const variables = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`BIG_${at}`, "x".repeat(100_000)]));
    const { lines } = await runToEnd({ argv: shell("env | wc -c"), env: variables(19) });
    expect(Number(lines.at(-1))).toBeGreaterThan(1_900_000);
    const image = "127.0.0.1:1/never/asked:1";
    expect(await refusalOf({ image, argv: ["true"], env: variables(22) })).toMatchObject({
      reason: "executor_error",
      message: expect.stringContaining("there is room for 2048 KiB"),
    });
  });

  test.skipIf(!HAS_ALL_CAPABILITIES)("privileged [needs all capabilities]", async () => {
    const argv = ["/bin/sh", "-c", "grep CapEff /proc/self/status; ulimit -l"];
    const { lines } = await runToEnd({ argv, privileged: true });
    expect(lines).toEqual([expect.stringMatching(/^CapEff:\s+0+1?f+$/), "unlimited"]);
  });

  test("privileged where the operator forbids it: said before the image is pulled", async () => {
    const job = { image: "127.0.0.1:1/never/asked:1", argv: ["true"], privileged: true };
    expect(await refusalOf(job, { DSTACK_AGENT_PRIVILEGED: "forbid" })).toMatchObject({
      reason: "executor_error",
      message: "This host's operator forbids privileged containers",
    });
  });

  test("a disk quota that the engine's storage cannot keep does not keep the job from running", async () => {
    const { exitStatus } = await runToEnd({ argv: ["true"] }, { DSTACK_AGENT_JOB_DISK_GIB: "1" });
    expect(exitStatus).toBe(0);
  });

  test("an optional volume that cannot be had is done without, and the log says so; another one is needed", async () => {
    const mount = { source: "/proc/nothing", target: "/data" };
    const argv = ["echo", "ran"];
    const { lines } = await runToEnd({ argv, image: TEST_IMAGE, mounts: [{ ...mount, optional: true }] });
    expect(lines).toEqual([
      expect.stringMatching(
        /^\[dstack\] Cannot create "\/proc\/nothing" on the host: .*without this volume$/,
      ),
      "ran",
    ]);
    expect(await refusalOf({ argv, mounts: [mount] })).toMatchObject({ reason: "executor_error" });
  });
});
