/** Real processes under real supervisors. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger, teeLogger } from "../../../shared/log.ts";
import { isAlive } from "../../../shared/proc/stat.ts";
import { testOnSmallDisk } from "../../../shared/testing/smallDisk.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { anAssignment } from "../../testing/anAssignment.ts";
import { type JobEnd, type RuntimeHooks, type RuntimeJob, StartError } from "../runtime.ts";
import { openCgroups, removeCgroups } from "./cgroups.ts";
import { createProcessRuntime } from "./processRuntime.ts";
import { processesWith } from "./procfs.ts";
import { claimFolder, findSupervisor } from "./records.ts";
import { Supervisors } from "./supervisors.ts";

const state = tempDir();
const command = [process.execPath, join(import.meta.dir, "../../main.ts"), "supervise"];
const host = {
  env: { PATH: process.env["PATH"], DSTACK_JOIN_TOKEN: "secret", LANG: "C.UTF-8" },
  own: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  gpus: () => [],
};
const cgroups = openCgroups({ root: "/", log: silentLogger });
let supervisors: Supervisors;
const open = () => new Supervisors({ socketPath: join(state.path, "s"), command, log: silentLogger });
const runtime = () =>
  createProcessRuntime({ supervisors, cgroups, host, self: command.slice(0, 2), log: silentLogger });

beforeAll(() => {
  supervisors = open();
});
afterAll(() => {
  supervisors[Symbol.dispose]();
  state[Symbol.dispose]();
});

const hooks = (): RuntimeHooks => ({
  signal: new AbortController().signal,
  onPulling: () => {},
  onOutput: () => {},
});

const aJob = (overrides: Parameters<typeof anAssignment>[0] = {}): RuntimeJob => {
  const assignment = anAssignment(overrides);
  const dir = join(state.path, assignment.submission_id);
  mkdirSync(dir, { mode: 0o700 });
  return { assignment, dir, spoolPath: join(dir, "spool"), archives: [] };
};

const sh = (script: string) => ({ argv: ["/bin/sh", "-i", "-c", script] });

const runToEnd = async (job: RuntimeJob): Promise<JobEnd & { output: string }> => {
  const running = await runtime().start(job, hooks());
  const end = await running.ended;
  return { ...end, output: readFileSync(job.spoolPath, "utf8") };
};

test("a command's output and its end, 0 or another", async () => {
  expect(await runToEnd(aJob(sh("echo hello; tty -s && echo terminal")))).toEqual({
    exitStatus: 0,
    reason: "done_by_runner",
    message: "",
    output: "hello\r\nterminal\r\n",
  });
  expect(await runToEnd(aJob(sh("echo no >&2; exit 3")))).toMatchObject({
    exitStatus: 3,
    reason: "container_exited_with_error",
    output: "no\r\n",
  });
});

test("what is to be known of the repository stands above the output", async () => {
  const job = aJob();
  const source = join(job.dir, "tree");
  mkdirSync(source);
  writeFileSync(join(source, "file"), "pointer\n");
  const repo = { source, target: join(job.dir, "work/repo"), ifExists: "error" as const, homeFiles: [] };
  const assignment = { ...job.assignment, ...sh(`cat ${repo.target}/file`) };
  expect(await runToEnd({ ...job, assignment, repo: { ...repo, notice: "Half of it" } })).toMatchObject({
    exitStatus: 0,
    output: "[dstack] Half of it\r\npointer\r\n",
  });
});

test("a command ended by a signal is named with it", async () => {
  expect(await runToEnd(aJob(sh("kill -SEGV $$")))).toMatchObject({
    exitStatus: -1,
    signal: "SIGSEGV",
    message: "The command was ended by the signal SIGSEGV",
  });
});

test("all output is there when the end is told, however much and however late", async () => {
  const { output } = await runToEnd(aJob(sh("head -c 3000000 /dev/zero | base64 -w 100; printf end")));
  expect(output).toHaveLength(Math.ceil(4000000 / 100) * 2 + 4000000 + "end".length);
  expect(output.endsWith("end")).toBe(true);
});

test("the environment is the host's and the job's, and not the agent's", async () => {
  const job = aJob({ ...sh("env"), env: { MINE: "1", HOME: "/elsewhere" } });
  const { output } = await runToEnd(job);
  for (const line of ["MINE=1", `DSTACK_JOB_ID=${job.assignment.submission_id}`, "LANG=C.UTF-8"])
    expect(output).toContain(`${line}\r\n`);
  expect(output).toContain(`DSTACK_WORKING_DIR=${job.dir}/work\r\n`);
  expect(output).not.toContain("DSTACK_JOIN_TOKEN");
  expect(output).not.toContain("HOME=/elsewhere");
});

test("stop() interrupts the command and what it runs in the foreground, without waiting for the grace", async () => {
  const job = aJob(sh("echo up; sleep 600 && echo never"));
  const running = await runtime().start(job, hooks());
  await waitFor("output", () => existsSync(job.spoolPath) && statSync(job.spoolPath).size > 0);
  running.stop(60_000);
  expect(await running.ended).toMatchObject({ exitStatus: -1, signal: "SIGINT" });
});

test("a grace longer than any timer is waited for, and not over at once", async () => {
  const job = aJob(sh("trap 'sleep 0.3; echo tidied up; exit 3' INT; echo up; while :; do sleep 0.1; done"));
  const running = await runtime().start(job, hooks());
  await waitFor("output", () => existsSync(job.spoolPath) && statSync(job.spoolPath).size > 0);
  running.stop(2 ** 31);
  expect(await running.ended).toMatchObject({ exitStatus: 3 });
  expect(readFileSync(job.spoolPath, "utf8")).toContain("tidied up");
});

test("stop() kills everything of a job that ignores the interrupt, daemons too", async () => {
  const job = aJob(
    sh(
      `trap '' INT HUP TERM; (setsid sh -c 'echo $$ > daemon; sleep 600' &) ; echo ready; while :; do sleep 1; done`,
    ),
  );
  const running = await runtime().start(job, hooks());
  const daemon = Number(
    await waitFor("the daemon", () => {
      const path = join(job.dir, "work/daemon");
      return existsSync(path) && readFileSync(path, "utf8").trim();
    }),
  );
  running.stop(60_000);
  running.stop(50);
  expect(await running.ended).toMatchObject({ exitStatus: -1, signal: "SIGKILL" });
  expect(isAlive(daemon)).toBe(false);
});

test("what a command leaves behind ends with it, and its last words are kept", async () => {
  const job = aJob(sh("sleep 600 & echo $! > child; echo bye"));
  expect(await runToEnd(job)).toMatchObject({ exitStatus: 0, output: "bye\r\n" });
  expect(isAlive(Number(readFileSync(join(job.dir, "work/child"), "utf8")))).toBe(false);
});

/** Whether this machine lets the tests bound memory: it depends on its cgroups, and on who runs them. */
const boundsMemory = (() => {
  const folders = cgroups.create("probe", { memoryMib: 64 });
  const bounded = folders.some((folder) =>
    ["memory.max", "memory.limit_in_bytes"].some((file) => existsSync(join(folder, file))),
  );
  removeCgroups(folders);
  return bounded;
})();

test.skipIf(!boundsMemory)(
  "out of memory is named, and kills the job alone [needs a memory cgroup]",
  async () => {
    const job = aJob({ ...sh("head -c 200000000 /dev/zero | tail"), memory_mib: 32, cpus: 1 });
    expect(await runToEnd(job)).toMatchObject({
      exitStatus: 137,
      message:
        "Out of memory: the job needed more than its limit of 32 MiB of memory, and the kernel killed a process of it",
    });
    await runtime().remove(job.assignment.submission_id, job.dir);
    expect(cgroups.find(job.assignment.submission_id)).toEqual([]);
  },
);

test("a daemon that leaves session, parents and environment behind ends with the job", async () => {
  const daemon = "env -i setsid sh -c 'echo $$ > daemon; exec sleep 600' < /dev/null > /dev/null 2>&1 &";
  const job = aJob(sh(`(${daemon}) ; until [ -s daemon ]; do sleep 0.01; done; echo up`));
  expect((await runToEnd(job)).output).toBe("up\r\n");
  expect(isAlive(Number(readFileSync(join(job.dir, "work/daemon"), "utf8")))).toBe(false);
});

test("over the log quota output is dropped with a notice, and the job goes on", async () => {
  const job = aJob({ ...sh("echo 0123456789; echo more; exit 6"), log_quota_hour: 8 });
  expect(await runToEnd(job)).toMatchObject({
    exitStatus: 6,
    output: "01234567\r\n[dstack] output over 8 bytes in an hour is dropped\r\n",
  });
});

test("an optional volume that cannot be had is done without, and the log says so", async () => {
  const mounts = [{ source: "/a", target: "/b", optional: true }];
  expect((await runToEnd(aJob({ ...sh("echo ran"), mounts }))).output).toBe(
    '[dstack] Cannot mount "/a" at "/b": this host runs jobs without containers: the job runs without this volume\r\nran\r\n',
  );
});

test("a job outlives the agent's end of the socket and is adopted, running or finished", async () => {
  const [job, short] = [
    aJob(sh("echo one; read line < go; echo $line; exit 4")),
    aJob(sh("echo quick; exit 5")),
  ];
  mkdirSync(join(job.dir, "work"));
  Bun.spawnSync(["mkfifo", join(job.dir, "work/go")]);
  await runtime().start(job, hooks());
  await (await runtime().start(short, hooks())).ended;
  supervisors[Symbol.dispose]();
  supervisors = open();

  const adopted = await runtime().adopt(job, hooks());
  expect(adopted?.runtimeId).toBe(String(findSupervisor(job.dir)?.pid));
  await Bun.write(join(job.dir, "work/go"), "two\n");
  expect(await adopted?.ended).toMatchObject({ exitStatus: 4 });
  expect(readFileSync(job.spoolPath, "utf8")).toBe("one\r\ntwo\r\n");
  expect(await (await runtime().adopt(short, hooks()))?.ended).toMatchObject({ exitStatus: 5 });
  expect(await runtime().adopt(aJob(), hooks())).toBeUndefined();
});

test("a job whose supervisor was killed has ended, and nothing of it runs on", async () => {
  const job = aJob(sh("trap '' HUP; echo $$ > pid; sleep 600"));
  const running = await runtime().start(job, hooks());
  const path = join(job.dir, "work/pid");
  const pid = Number(await waitFor("the job", () => existsSync(path) && readFileSync(path, "utf8").trim()));
  process.kill(findSupervisor(job.dir)?.pid ?? 0, "SIGKILL");
  expect(await running.ended).toMatchObject({ exitStatus: null, reason: "executor_error" });
  expect(isAlive(pid)).toBe(false);
});

test("a job of the time before a restart of the host is lost with it, and that is said", async () => {
  const job = aJob();
  claimFolder(job.dir, { pid: process.pid, startTime: "1", bootId: "another boot" });
  const adopted = await runtime().adopt(job, hooks());
  expect(await adopted?.ended).toEqual({
    exitStatus: null,
    reason: "terminated_by_server",
    message: "The host was restarted while the job ran",
  });
});

test("a job that cannot be claimed for want of room is not taken, and may be tried again", () => {
  const dir = join(state.path, "nowhere");
  expect(() => claimFolder(dir, { pid: 1, startTime: "1", bootId: "b" })).toThrow("ENOENT");
  expect(findSupervisor(dir)).toBeUndefined();
});

test("a submission that was handed out twice runs once", async () => {
  const job = aJob(sh("echo ran; sleep 600"));
  const first = await runtime().start(job, hooks());
  const second = await runtime().start(job, hooks());
  await waitFor("its output", () => readFileSync(job.spoolPath, "utf8").includes("ran"));
  first.stop(0);
  expect(await first.ended).toMatchObject({ signal: "SIGKILL" });
  expect(await second.ended).toMatchObject({ signal: "SIGKILL" });
  expect(readFileSync(job.spoolPath, "utf8")).toBe("ran\r\n");
});

test("remove() kills what runs and leaves the spool alone", async () => {
  const job = aJob(sh("echo out; sleep 600"));
  const running = await runtime().start(job, hooks());
  await waitFor("output", () => statSync(job.spoolPath).size > 0);
  await runtime().remove(job.assignment.submission_id, job.dir);
  // How it ended is told by a record in its folder, which may be gone by then: nobody asks who removes a job.
  await running.ended;
  expect(processesWith("DSTACK_JOB_ID", job.assignment.submission_id)).toEqual([]);
  expect([...new Bun.Glob("**").scanSync({ cwd: job.dir, onlyFiles: false })]).toEqual(["spool"]);
  await runtime().remove(job.assignment.submission_id, job.dir);
  await runtime().remove(crypto.randomUUID(), join(state.path, "never"));
});

test.each<[string, Parameters<typeof anAssignment>[0], string, string]>([
  [
    "command",
    { argv: ["no-such-program"] },
    "container_exited_with_error",
    'The command "no-such-program" was not found',
  ],
  ["user", { user: "no-such-user" }, "executor_error", 'There is no user "no-such-user" on this host'],
  [
    "folder",
    { working_dir: "/dev/null/x" },
    "executor_error",
    'Cannot use the working directory "/dev/null/x"',
  ],
  ["escape", { working_dir: "../../x" }, "executor_error", "leads out of the working directory"],
  ["mount", { mounts: [{ source: "/a", target: "/b" }] }, "executor_error", "runs jobs without containers"],
  [
    "image",
    { image: "ubuntu" },
    "executor_error",
    'Cannot run in the image "ubuntu": this host runs jobs without',
  ],
  ["privilege", { privileged: true }, "executor_error", "Cannot run a privileged container"],
  ["variable", { env: { A: "x".repeat(140_000) } }, "executor_error", "the variable A has 137 KiB"],
  ["argv", { argv: [] }, "creating_container_error", "There is no command"],
])("start() refuses a bad %s with a reason", async (_, overrides, reason, message) => {
  const refused = await runtime()
    .start(aJob(overrides), hooks())
    .catch((err: unknown) => err);
  expect(refused).toBeInstanceOf(StartError);
  expect(refused).toMatchObject({ reason, message: expect.stringContaining(message) });
});

test.skipIf(host.own.uid !== 0)("a job runs as another user, on a terminal of its own", async () => {
  const job = aJob({ ...sh("id -un; id -G; echo to-tty > $(tty); pwd"), user: "nobody" });
  const { output } = await runToEnd(job);
  expect(output).toStartWith("nobody\r\n65534\r\nto-tty\r\n");
});

testOnSmallDisk("a job for whose records there is no room is started when there is", async (disk) => {
  const assignment = anAssignment(sh("echo once"));
  const dir = join(disk.path, assignment.submission_id);
  mkdirSync(join(dir, "work"), { recursive: true });
  disk.fill(true);
  const said: string[] = [];
  const log = teeLogger(silentLogger, ({ message }) => said.push(message));
  const job = { assignment, dir, spoolPath: join(dir, "spool"), archives: [] };
  const started = createProcessRuntime({ supervisors, cgroups, host, self: command.slice(0, 2), log }).start(
    job,
    hooks(),
  );
  await waitFor("the refusal", () => said.length > 0);
  expect(said).toEqual(["The disk is full; the job is started when there is room"]);
  disk.fill(false);
  expect(await (await started).ended).toMatchObject({ exitStatus: 0 });
  expect(readFileSync(job.spoolPath, "utf8")).toBe("once\r\n");
});
