/** OpenSSH's client and the library's, through a tunnel, to a job of the process runtime. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ClientChannel } from "ssh2";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { processesWith } from "../runtime/process/procfs.ts";
import { startSshJob, listenTo as talk } from "../testing/sshJob.ts";

let job: Awaited<ReturnType<typeof startSshJob>>;
beforeAll(async () => {
  job = await startSshJob({ env: { MINE: "of the job" } });
});
afterAll(() => job[Symbol.asyncDispose]());

test("a command has the job's environment and folder, and says each thing where it belongs", async () => {
  const { stdout, stderr, code } = await job.ssh(["echo $MINE; pwd; echo no >&2; exit 7"]);
  expect(stdout).toBe(`of the job\n${join(job.dir, "work")}\n`);
  expect([stderr, code]).toEqual(["no\n", 7]);
});

test("what is typed comes through, and its end", async () => {
  expect(await job.ssh(["cat; echo over"], "one\ntwo\n")).toMatchObject({
    stdout: "one\ntwo\nover\n",
    code: 0,
  });
  const input = "x".repeat(5_000_000);
  expect((await job.ssh(["wc -c"], input)).stdout.trim()).toBe("5000000");
  expect((await job.ssh(["head -c 5000000 /dev/zero"])).stdout).toHaveLength(5_000_000);
});

test("a process that is ended by a signal is told so", async () => {
  const client = await job.connect();
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec("kill -TERM $$", (err, opened) => (err ? reject(err) : resolve(opened))),
  );
  const heard = talk(channel);
  await waitFor("its end", () => heard.exit !== undefined);
  expect(heard.exit).toBe("SIGTERM");
  client.end();
});

test("a client's signal reaches what runs", async () => {
  const client = await job.connect();
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec("trap 'echo got it; exit 5' INT; echo up; while :; do sleep 0.05; done", (err, opened) =>
      err ? reject(err) : resolve(opened),
    ),
  );
  const heard = talk(channel);
  await waitFor("the command", () => heard.text.includes("up"));
  channel.signal("INT");
  await waitFor("its end", () => heard.exit !== undefined);
  expect([heard.text, heard.exit]).toEqual(["up\ngot it\n", 5]);
  client.end();
});

test("a terminal has the modes of the one that the client is at", async () => {
  const seen = await job.atTerminal("-echo intr ^B -ixon ospeed 9600", "stty -a; exit");
  for (const said of ["speed 9600", "intr = ^B", "-ixon", "icanon", " -echo ", "iutf8"])
    expect(seen).toContain(said);
  // What is typed is not shown.
  expect(seen).not.toContain("stty -a");
});

test("a terminal has its size, is resized, and a Ctrl-C on it interrupts what is in the foreground", async () => {
  const client = await job.connect();
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell({ cols: 91, rows: 33, term: "vt100" }, (err, opened) =>
      err ? reject(err) : resolve(opened),
    ),
  );
  const heard = talk(channel);
  channel.write("echo $TERM `stty size`\n");
  await waitFor("the size", () => heard.text.includes("vt100 33 91"));
  channel.setWindow(44, 120, 0, 0);
  channel.write("stty size\n");
  await waitFor("the new size", () => heard.text.includes("44 120"));
  channel.write("sleep 600\n");
  await waitFor("the command", () => heard.text.includes("sleep 600"));
  channel.write("\x03");
  channel.write("echo still $((40 + 2)) here; exit 3\n");
  await waitFor("its end", () => heard.exit !== undefined);
  expect(heard.text).toContain("still 42 here");
  expect(heard.exit).toBe(3);
  client.end();
});

test("of a client's environment only what is harmless is taken", async () => {
  const client = await job.connect();
  const env = { LC_TEST: "yes", LANG: "C.UTF-8", LD_PRELOAD: "/evil.so", MINE: "no" };
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec("echo $LC_TEST $LANG [$LD_PRELOAD] $MINE", { env }, (err, opened) =>
      err ? reject(err) : resolve(opened),
    ),
  );
  const heard = talk(channel);
  await waitFor("its end", () => heard.exit !== undefined);
  expect(heard.text).toBe("yes C.UTF-8 [] of the job\n");
  client.end();
});

test("what is left in the background does not keep a session open", async () => {
  expect(await job.ssh(["sleep 600 & echo done"])).toMatchObject({ stdout: "done\n", code: 0 });
});

test("a client that goes away takes its programs with it", async () => {
  const client = await job.connect();
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell((err, opened) => (err ? reject(err) : resolve(opened))),
  );
  const heard = talk(channel);
  channel.write("echo pid $$\n");
  const pid = await waitFor("its id", () => /pid (\d+)/.exec(heard.text)?.[1]);
  client.destroy();
  await waitFor("the shell's end", () => !Bun.file(`/proc/${pid}/status`).size && !isThere(pid));
});

const isThere = (pid: string): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

test("the host key is the one that the stream was accepted with, and stays", async () => {
  await job.ssh(["true"]);
  const known = job.hostKey();
  expect(known).toMatch(/^ssh-ed25519 \S+$/);
  const scan = await job.exec(["ssh-keyscan", "-t", "ed25519", "-p", String(job.port), "127.0.0.1"]);
  expect(scan.stdout).toContain(known);
});

test("several sessions share a connection", async () => {
  const client = await job.connect();
  const heard = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      new Promise<ClientChannel>((resolve, reject) =>
        client.exec(`echo ${at}; sleep 0.1; exit ${at}`, (err, opened) =>
          err ? reject(err) : resolve(opened),
        ),
      ).then(talk),
    ),
  );
  await waitFor("all of them", () => heard.every(({ exit }) => exit !== undefined));
  expect(heard.map(({ text, exit }) => [text, exit])).toEqual(heard.map((_, at) => [`${at}\n`, at]));
  client.end();
});

test("a user that is not there is told of", async () => {
  job.request.user = "nobody-by-this-name";
  const { stderr, code } = await job.ssh(["true"]);
  job.request.user = null;
  expect([stderr, code]).toEqual([
    '[dstack] Cannot run this: There is no user "nobody-by-this-name" on this host\r\n',
    126,
  ]);
});

test.skipIf(process.getuid?.() !== 0)("another user's shell is that user's [root]", async () => {
  job.request.user = "nobody";
  const { stdout } = await job.ssh(["-tt", "id -un; test -w $(tty) && echo mine"]);
  job.request.user = null;
  expect(stdout).toBe("nobody\r\nmine\r\n");
});

test("when the job ends, its sessions end, with a word of why", async () => {
  await using other = await startSshJob();
  const client = await other.connect();
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell((err, opened) => (err ? reject(err) : resolve(opened))),
  );
  const heard = talk(channel);
  channel.write("echo up\n");
  await waitFor("the shell", () => heard.text.includes("up"));
  other.running.stop(0);
  await waitFor("its end", () => heard.exit !== undefined);
  expect([heard.text.includes("[dstack] The job has ended"), heard.exit]).toEqual([true, 255]);
  await closed;
});

test("what a session leaves behind, deaf to hang-ups, is gone when the job is", async () => {
  const other = await startSshJob();
  // Deaf before there is anything to hear: nohup would only be so some moments after the session's end.
  await other.ssh(["trap '' HUP; sleep 600 >/dev/null 2>&1 &"]);
  const left = () => processesWith("DSTACK_JOB_ID", basename(other.dir)).length;
  await waitFor("both to be there", () => left() === 2);
  await other[Symbol.asyncDispose]();
  expect(left()).toBe(0);
});

test("a flood of sessions is bounded, and harms nobody else", async () => {
  const left = () => processesWith("DSTACK_JOB_ID", basename(job.dir)).length;
  // What other sessions have put into the background stays until the job ends.
  const before = left();
  const client = await job.connect();
  const opened = await Promise.allSettled(
    Array.from(
      { length: 300 },
      () =>
        new Promise<ClientChannel>((resolve, reject) =>
          client.exec("exec sleep 600", (err, channel) => (err ? reject(err) : resolve(channel))),
        ),
    ),
  );
  expect(opened.filter(({ status }) => status === "rejected")).toHaveLength(300 - 256);
  expect((await job.ssh(["echo well"])).stdout).toBe("well\n");
  client.destroy();
  await waitFor("all of them to be gone", () => left() <= before, 20_000);
}, 60_000);
