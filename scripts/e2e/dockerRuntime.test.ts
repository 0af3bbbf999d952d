import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeJob } from "../../agent/runtime/runtime.ts";
import { keepsWaitStatus } from "../../agent/testing/kernel.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { dockerJob, hashOf, hooksOf, outputOf, runtimeOn, shell } from "./harness/dockerJob.ts";
import { type Engine, startEngine } from "./harness/engine.ts";
import { importImage, TEST_IMAGE } from "./harness/image.ts";
import { createNetwork } from "./harness/network.ts";
import { startProgram } from "./harness/program.ts";
import { type Registry, startRegistry } from "./harness/registry.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root", "docker", "registry"], "the docker runtime", () => {
  const undo = new AsyncDisposableStack();
  let engine: Engine;
  let registry: Registry;
  let dir: string;

  beforeAll(async () => {
    const temp = undo.use(tempDir());
    dir = temp.path;
    const network = undo.use(await createNetwork());
    registry = undo.use(await startRegistry({ ip: network.ip, dir: join(dir, "registry") }));
    const host = await network.addHost("docker");
    engine = undo.use(
      await startEngine({ host, dir: join(dir, "engine"), insecureRegistry: registry.address }),
    );
    await importImage(engine);
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);

  /** From start to end, and nothing left behind. */
  const runToEnd = async (job: RuntimeJob) => {
    const runtime = runtimeOn(engine);
    try {
      const running = await runtime.start(job, hooksOf());
      return { ...running, end: await running.ended, output: await outputOf(job) };
    } finally {
      await runtime.remove(job.assignment.submission_id, job.dir);
      expect(await engine.docker("ps", "-aq")).toBe("");
    }
  };
  const startRefused = async (job: RuntimeJob) => {
    const runtime = runtimeOn(engine);
    const refused = await runtime.start(job, hooksOf()).then(
      () => undefined,
      (err: unknown) => err,
    );
    expect(await engine.docker("ps", "-aq")).toBe("");
    return refused;
  };

  test.each([
    ["echo hello", { exitStatus: 0, reason: "done_by_runner", message: "" }, "hello\r\n"],
    [
      "echo hello; exit 3",
      { exitStatus: 3, reason: "container_exited_with_error", message: "" },
      "hello\r\n",
    ],
    [
      "sh -c 'kill -9 $$'; exit $?",
      { exitStatus: 137, reason: "container_exited_with_error", message: expect.stringContaining("SIGKILL") },
      "Killed\r\n",
    ],
  ])("%p ends as it should", async (commands, expected, printed) => {
    const { end, output, workingDir, username } = await runToEnd(dockerJob(dir, { argv: shell(commands) }));
    expect(end as object).toEqual(expected);
    expect(output).toBe(printed);
    expect([workingDir, username]).toEqual(["/", "root"]);
  });

  test.skipIf(!keepsWaitStatus())(
    "a signal is told from a status that looks like one [needs Linux 6.15]",
    async () => {
      const runtime = runtimeOn(engine);
      for (const [argv, expected] of [
        [shell("sleep 1; kill -SEGV $$"), { exitStatus: -1, signal: "SIGSEGV" }],
        [shell("sleep 1; exit 139"), { exitStatus: 139 }],
        [["sh", "-c", "sleep 1; sh -c 'kill -TERM $$'; exit $?"], { exitStatus: 143 }],
        [["sleep", "1000"], { exitStatus: -1, signal: "SIGTERM" }],
      ] as const) {
        const job = dockerJob(dir, { argv: [...argv] });
        const { runtimeId, ended } = await runtime.start(job, hooksOf());
        if (argv[0] === "sleep") await engine.docker("kill", "--signal", "TERM", runtimeId);
        const end = await ended;
        expect(end).toMatchObject(expected);
        expect(end.signal).toBe("signal" in expected ? expected.signal : undefined);
        await runtime.remove(job.assignment.submission_id, job.dir);
      }
    },
    30_000,
  );

  test("a command that the image does not have", async () => {
    const { end } = await runToEnd(dockerJob(dir, { argv: ["/bin/nothere", "-x"] }));
    expect(end).toEqual({
      exitStatus: 127,
      reason: "container_exited_with_error",
      message: 'Cannot run "/bin/nothere" in the image: No such file or directory',
    });
  });

  test("a shell that fails into its prompt does not wait for somebody to type", async () => {
    const { output } = await runToEnd(
      dockerJob(dir, { argv: ["/bin/sh", "-i", "-c", "read line; echo [$line]"] }),
    );
    expect(output).toBe("[]\r\n");
  });

  test("environment, user, working directory, shared memory, limits, mounts and files", async () => {
    const source = join(dir, "data/deep");
    const archive = join(dir, "uploaded");
    mkdirSync(join(archive, "src"), { recursive: true });
    writeFileSync(join(archive, "src/main.py"), "print(1)\n", { mode: 0o600 });
    const job = dockerJob(
      dir,
      {
        argv: shell(
          [
            "id -un; pwd; touch mine && stat -c %U .. . mine; echo $GREETING $DSTACK_WORKING_DIR $HOME",
            "cat ~/code/src/main.py; touch ~/code/new && ls -1 ~/code",
            "df -m /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2",
            "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
            "echo kept > /data/file",
          ].join("; "),
        ),
        env: { GREETING: "good day" },
        user: "worker",
        working_dir: "~/new/work",
        shm_size_mib: 96,
        memory_mib: 256,
        cpus: 1,
        network_mode: "bridge",
        mounts: [{ source, target: "/data" }],
      },
      [{ source: archive, target: "~/code" }],
    );
    const { end, output } = await runToEnd(job);
    expect(end.exitStatus).toBe(0);
    expect(output.split("\r\n")).toEqual([
      "worker",
      "/tmp/new/work",
      "worker",
      "worker",
      "worker",
      "good day /tmp/new/work /tmp",
      "print(1)",
      "new",
      "src",
      "96",
      String(256 * 1024 ** 2),
      "",
    ]);
    expect(readFileSync(join(source, "file"), "utf8")).toBe("kept\n");
    expect(statSync(source).mode & 0o777).toBe(0o777);
  });

  test("more memory than its limit", async () => {
    const eat = "head -c 200000000 /dev/zero | tail";
    const { end } = await runToEnd(dockerJob(dir, { argv: shell(`exec ${eat}`), memory_mib: 32 }));
    expect(end).toMatchObject({
      exitStatus: 137,
      message: expect.stringContaining("more than its limit of 32 MiB of memory"),
    });
  });

  test("an image's own command", async () => {
    const { end, output } = await runToEnd(
      dockerJob(dir, { argv: [], image: await buildImage("own", 'CMD ["echo", "mine"]') }),
    );
    expect([end.exitStatus, output]).toEqual([0, "mine\r\n"]);
  });

  const buildImage = async (name: string, change: string): Promise<string> => {
    await engine.docker("create", "--name", name, TEST_IMAGE);
    await engine.docker("commit", "--change", change, name, `dstack-e2e:${name}`);
    await engine.docker("rm", name);
    return `dstack-e2e:${name}`;
  };

  test("what is wrong with a job's image, user or paths is said with the right reason", async () => {
    const refuse = (assignment: Partial<RuntimeJob["assignment"]>) =>
      startRefused(dockerJob(dir, { argv: shell("true"), ...assignment }));
    expect(await refuse({ image: `${registry.address}/nothere:1` })).toMatchObject({
      reason: "creating_container_error",
      message: expect.stringContaining(`Cannot pull the image "${registry.address}/nothere:1": manifest for`),
      hint: "Check the image's name and tag",
    });
    expect(await refuse({ image: "127.0.0.1:1/nothere:1" })).toMatchObject({
      reason: "creating_container_error",
      message: expect.stringContaining("connection refused"),
    });
    expect(await refuse({ image: "../json?x" })).toMatchObject({
      reason: "creating_container_error",
      message: 'Cannot use "../json?x" as an image\'s name',
    });
    expect(await refuse({ user: "ghost" })).toMatchObject({
      reason: "executor_error",
      message: `Cannot run as the user "ghost": the image "${TEST_IMAGE}" does not know it`,
    });
    expect(await refuse({ working_dir: "/etc/passwd" })).toMatchObject({ reason: "executor_error" });
    expect(await refuse({ working_dir: "~ghost/x" })).toMatchObject({ reason: "executor_error" });
    expect(await refuse({ gpu_ids: ["GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e"] })).toMatchObject({
      reason: "executor_error",
      message: expect.stringContaining("the container engine has neither NVIDIA's runtime"),
    });
  });

  test("a missing image is pulled, with progress; latest is refreshed, but the one here does without a registry", async () => {
    const push = async (tag: string) => {
      const name = `${registry.address}/e2e/pulled:${tag}`;
      await engine.docker("tag", TEST_IMAGE, name);
      await engine.docker("push", "-q", name);
      await engine.docker("rmi", name);
      return name;
    };
    const runtime = runtimeOn(engine);
    for (const tag of ["1", "latest"]) {
      const job = dockerJob(dir, { argv: shell("echo pulled"), image: await push(tag) });
      const hooks = hooksOf();
      const running = await runtime.start(job, hooks);
      expect((await running.ended).exitStatus).toBe(0);
      expect(hooks.pulls[0]).toBeUndefined();
      expect(hooks.pulls.length).toBeGreaterThan(1);
      await runtime.remove(job.assignment.submission_id, job.dir);
    }
    await engine.docker("tag", TEST_IMAGE, "127.0.0.1:1/gone:latest");
    const job = dockerJob(dir, { argv: ["echo", "offline"], image: "127.0.0.1:1/gone" });
    expect((await runToEnd(job)).output).toMatch(
      /^\[dstack\] The image on this host is used, it may not be the newest\. .*connection refused\r\noffline\r\n$/,
    );
  }, 30_000);

  test("a stop interrupts the command, and the shell around it", async () => {
    const runtime = runtimeOn(engine);
    const job = dockerJob(dir, {
      argv: shell("trap 'echo saved; exit 5' INT; echo ready; sleep 60; echo never"),
    });
    const running = await runtime.start(job, hooksOf());
    await waitFor("the command to be ready", async () => (await outputOf(job)).includes("ready"));
    running.stop(30_000);
    const end = await running.ended;
    expect(await outputOf(job)).toContain("saved");
    expect(end.exitStatus).toBe(5);
    await runtime.remove(job.assignment.submission_id, job.dir);
  });

  test("a stop kills what does not end within its grace", async () => {
    const runtime = runtimeOn(engine);
    const job = dockerJob(dir, {
      argv: ["sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 1; done"],
    });
    const running = await runtime.start(job, hooksOf());
    await waitFor("the command to be ready", async () => (await outputOf(job)).includes("ready"));
    running.stop(60_000);
    running.stop(300);
    running.stop(60_000);
    expect(await running.ended).toMatchObject({ exitStatus: -1, signal: "SIGKILL" });
    await runtime.remove(job.assignment.submission_id, job.dir);
  });

  test("a pull that is given up ends at once", async () => {
    const controller = new AbortController();
    const hooks = hooksOf(controller.signal);
    const job = dockerJob(dir, { argv: shell("true"), image: "10.255.255.1:1/nobody/answers:1" });
    const started = runtimeOn(engine).start(job, {
      ...hooks,
      onPulling: () => setTimeout(() => controller.abort(), 50),
    });
    await expect(started).rejects.toThrow("Gave up preparing the job");
  });

  /** Starts a job in a process of its own, which the test can kill like an agent. */
  const startElsewhere = async (job: RuntimeJob) => {
    const script = join(import.meta.dir, "harness/runDockerJob.ts");
    const program = startProgram({
      name: "the agent",
      command: [process.execPath, script, engine.address, JSON.stringify(job)],
      logFile: join(job.dir, "agent.log"),
      env: { PATH: "/usr/bin:/bin" },
      cwd: dir,
    });
    await program.waitForOutput(/started/);
    return program;
  };
  const BIG = 30_000_000;
  const BIG_LINE = "0123456789012345678901234567890123456789";

  test("killed in the middle of its output and adopted while it runs: every byte, and the exit status", async () => {
    const rest = `yes ${BIG_LINE} | head -c ${BIG}; head -c 40000 /dev/zero | tr '\\0' x; echo; printf end; exit 4`;
    const job = dockerJob(dir, { argv: ["sh", "-c", `stty -opost; ${rest}`] });
    await using program = await startElsewhere(job);
    await waitFor(
      "some output",
      () => existsSync(job.spoolPath) && statSync(job.spoolPath).size > 5_000_000,
      20_000,
    );
    await program.kill9();
    const runtime = runtimeOn(engine);
    const adopted = await runtime.adopt(job, hooksOf());
    expect(adopted).toBeDefined();
    expect(await adopted?.ended).toMatchObject({ exitStatus: 4 });
    const expected = new Bun.CryptoHasher("sha256");
    expected.update(`${BIG_LINE}\n`.repeat(Math.ceil(BIG / (BIG_LINE.length + 1))).slice(0, BIG));
    expected.update(`${"x".repeat(40_000)}\nend`);
    expect(statSync(job.spoolPath).size).toBe(BIG + 40_004);
    expect(await hashOf(job.spoolPath)).toBe(expected.digest("hex"));
    await runtime.remove(job.assignment.submission_id, job.dir);
  }, 60_000);

  test("adopted after it has ended: the rest of the output and the exit status; stopping works after an adoption too", async () => {
    const runtime = runtimeOn(engine);
    const ended = dockerJob(dir, { argv: ["sh", "-c", "echo one; sleep 1; echo two; exit 7"] });
    await using first = await startElsewhere(ended);
    await first.kill9();
    await waitFor("the container to end", async () => (await engine.docker("ps", "-q")) === "", 10_000);
    const adopted = await runtime.adopt(ended, hooksOf());
    expect(await adopted?.ended).toEqual({
      exitStatus: 7,
      reason: "container_exited_with_error",
      message: "",
    });
    expect(await outputOf(ended)).toBe("one\r\ntwo\r\n");
    await runtime.remove(ended.assignment.submission_id, ended.dir);

    const endless = dockerJob(dir, { argv: shell("echo ready; sleep 100 && echo never") });
    await using second = await startElsewhere(endless);
    await second.kill9();
    const running = await runtime.adopt(endless, hooksOf());
    await waitFor("the output", async () => (await outputOf(endless)).includes("ready"));
    running?.stop(20_000);
    expect((await running?.ended)?.exitStatus).toBe(130);
    await runtime.remove(endless.assignment.submission_id, endless.dir);
  }, 60_000);

  test("a log whose beginning is gone is not taken for the rest of the output", async () => {
    const runtime = runtimeOn(engine);
    const job = dockerJob(dir);
    const work = "yes 0123456789 | head -c 400000; echo over; sleep 3; echo late; exit 6";
    await engine.docker(
      ...["run", "-d", "-t", "--label", `dstack.submission-id=${job.assignment.submission_id}`],
      ...[
        "--log-driver",
        "local",
        "--log-opt",
        "max-size=50k",
        "--log-opt",
        "max-file=2",
        "--log-opt",
        "compress=false",
      ],
      ...[TEST_IMAGE, "sh", "-c", work],
    );
    const id = (await engine.docker("ps", "-q")).trim();
    await waitFor("the early output", async () => (await engine.docker("logs", id)).includes("over"));
    writeFileSync(job.spoolPath, "what was seen\r\n");
    const adopted = await runtime.adopt(job, hooksOf());
    expect(await adopted?.ended).toMatchObject({ exitStatus: 6 });
    const [seen, , notice, ...rest] = (await outputOf(job)).split("\r\n");
    expect([seen, notice?.slice(0, 38), rest.join()]).toEqual([
      "what was seen",
      "[dstack] The agent lost sight of the j",
      "late,",
    ]);
    await runtime.remove(job.assignment.submission_id, job.dir);
  }, 30_000);

  test("adopt() knows nothing of a job that never started, and removes what was created of it", async () => {
    const runtime = runtimeOn(engine);
    const job = dockerJob(dir, { argv: shell("true") });
    expect(await runtime.adopt(job, hooksOf())).toBeUndefined();
    const label = `dstack.submission-id=${job.assignment.submission_id}`;
    await engine.docker("create", "--label", label, TEST_IMAGE);
    expect(await runtime.adopt(job, hooksOf())).toBeUndefined();
    expect(await engine.docker("ps", "-aq")).toBe("");
    await runtime.remove(job.assignment.submission_id, job.dir);
    await runtime.remove(job.assignment.submission_id, job.dir);
  });

  test("a container that somebody removes ends its job, and is not started again", async () => {
    const runtime = runtimeOn(engine);
    const job = dockerJob(dir, { argv: ["sleep", "100"] });
    const running = await runtime.start(job, hooksOf());
    await engine.docker("rm", "-f", running.runtimeId);
    const end = await running.ended;
    expect(end.reason).toBe("container_exited_with_error");
    const adopted = await runtime.adopt(job, hooksOf());
    expect(await adopted?.ended).toMatchObject({
      exitStatus: null,
      message: "The container was removed from the Docker engine by somebody else",
    });
  });

  describe.each([
    ["with live-restore, the job and its output go on", ["--live-restore"], 6, 40],
    ["without, the engine ends its jobs, and that is said", [], keepsWaitStatus() ? -1 : 143, 0],
  ] as const)("an engine that is restarted: %s", (_name, flags, exitStatus, ticks) => {
    test("the job ends once, with what the engine knows of it", async () => {
      await using disposal = new AsyncDisposableStack();
      const dir = disposal.use(tempDir()).path;
      const host = await disposal.use(await createNetwork()).addHost("restarts");
      const options = { host, dir: join(dir, "engine"), flags };
      const first = await startEngine(options);
      await importImage(first);
      const runtime = runtimeOn(first);
      const count = "i=0; while [ $i -lt 40 ]; do echo tick $i; i=$((i+1)); sleep 0.1; done; exit 6";
      const job = dockerJob(dir, { argv: ["sh", "-c", count] });
      const running = await runtime.start(job, hooksOf());
      await waitFor("some output", async () => (await outputOf(job)).includes("tick 5\r\n"));
      await first.program.stop();
      disposal.use(await startEngine(options));
      expect((await running.ended).exitStatus).toBe(exitStatus);
      const lines = (await outputOf(job)).trimEnd().split("\r\n");
      expect(lines.length).toBeGreaterThanOrEqual(Math.max(ticks, 6));
      expect(lines).toEqual(lines.map((_line, at) => `tick ${at}`));
      await runtime.remove(job.assignment.submission_id, job.dir);
    }, 60_000);
  });
});
