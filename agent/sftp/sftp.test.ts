/** OpenSSH's own clients, through the SSH server and straight at the program (`sftp -D`). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startSshJob } from "../testing/sshJob.ts";

let job: Awaited<ReturnType<typeof startSshJob>>;
const local = tempDir();
const at = (name: string) => join(local.path, name);
const there = (name: string) => join(job.dir, "work", name);
beforeAll(async () => {
  job = await startSshJob();
});
afterAll(async () => {
  await job[Symbol.asyncDispose]();
  local[Symbol.dispose]();
});

const sftp = (batch: string) =>
  job.exec(["sftp", "-q", ...job.options, "-P", String(job.port), "-b", "-", "x@127.0.0.1"], batch);
const scp = (...args: string[]) => job.exec(["scp", "-q", ...job.options, "-P", String(job.port), ...args]);

test("scp: there and back, folders, times and rights", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  mkdirSync(at("tree/below"), { recursive: true });
  writeFileSync(at("tree/below/file"), Buffer.concat(Array.from({ length: 50 }, () => bytes)));
  writeFileSync(at("tree/tool"), "#!/bin/sh\n", { mode: 0o750 });
  expect(await scp("-rp", at("tree"), "x@127.0.0.1:.")).toEqual({ stdout: "", stderr: "", code: 0 });
  expect(await scp("-rp", "x@127.0.0.1:tree", at("back"))).toEqual({ stdout: "", stderr: "", code: 0 });
  for (const copy of [there("tree"), at("back")]) {
    expect(Bun.hash(readFileSync(join(copy, "below/file")))).toBe(
      Bun.hash(readFileSync(at("tree/below/file"))),
    );
    expect(statSync(join(copy, "tool")).mode & 0o777).toBe(0o750);
    expect(Math.floor(statSync(join(copy, "tool")).mtimeMs / 1000)).toBe(
      Math.floor(statSync(at("tree/tool")).mtimeMs / 1000),
    );
  }
});

test("the old scp is a command", async () => {
  writeFileSync(at("old"), "old way");
  expect(await scp("-O", at("old"), "x@127.0.0.1:old")).toMatchObject({ code: 0 });
  expect(readFileSync(there("old"), "utf8")).toBe("old way");
});

test.skipIf(!Bun.which("rsync"))("so is rsync [rsync]", async () => {
  mkdirSync(at("synced/below"), { recursive: true });
  writeFileSync(at("synced/below/file"), "in step");
  const shell = ["ssh", ...job.options, "-p", String(job.port)].join(" ");
  const argv = ["rsync", "-a", "-e", shell, at("synced"), "x@127.0.0.1:"];
  expect(await job.exec(argv)).toEqual({ stdout: "", stderr: "", code: 0 });
  expect(readFileSync(there("synced/below/file"), "utf8")).toBe("in step");
});

test("sftp: everything that its client can ask for", async () => {
  writeFileSync(at("one"), "one");
  const batch = [
    `put ${at("one")} one`,
    "mkdir folder",
    "rename one folder/two",
    "symlink two folder/link",
    "ln folder/two folder/hard",
    "chmod 640 folder/two",
    "ls -l folder",
    "cd folder",
    "pwd",
    `get link ${at("got")}`,
    "df",
    "rm hard",
    "rm link",
    "rm two",
    "cd ..",
    "rmdir folder",
    "-rm never-there",
  ].join("\n");
  const { stdout, stderr, code } = await sftp(`${batch}\n`);
  expect(code).toBe(0);
  expect(stderr.trim()).toBe(`remote delete ${there("never-there")}: No such file or directory`);
  expect(stdout).toContain(`Remote working directory: ${there("folder")}`);
  expect(stdout).toMatch(/-rw-r----- .* two\n/);
  expect(readFileSync(at("got"), "utf8")).toBe("one");
});

test("names need not be text", async () => {
  const name = Buffer.concat([Buffer.from(`${there("")}/`), Buffer.of(0xff, 0x41)]);
  writeFileSync(name, "odd");
  expect((await sftp("get *A odd-name\n".replace("odd-name", at("odd")))).code).toBe(0);
  expect(readFileSync(at("odd"), "utf8")).toBe("odd");
});

test("pipes and devices are not opened, and keep nobody waiting", async () => {
  await job.ssh(["mkfifo pipe"]);
  for (const path of ["pipe", "/dev/zero", "/dev/tty"])
    expect((await sftp(`get ${path} ${at("never")}\n`)).code).not.toBe(0);
});

test.skipIf(process.getuid?.() !== 0)("a user without rights has none here either [root]", async () => {
  job.request.user = "nobody";
  writeFileSync(there("secret"), "secret", { mode: 0o600 });
  symlinkSync("/etc/shadow", there("way-out"));
  for (const path of [there("secret"), there("way-out"), "/etc/shadow", "../../../../../etc/shadow"])
    expect((await sftp(`get ${path} ${at("never")}\n`)).stderr).toMatch(/Permission denied|not found/);
  expect((await sftp(`put ${at("old")} ${there("planted")}\n`)).code).not.toBe(0);
  job.request.user = null;
  expect(readlinkSync(there("way-out"))).toBe("/etc/shadow");
});

test("what is no SFTP ends that session alone", async () => {
  const program = [
    process.execPath,
    join(import.meta.dir, "../main.ts"),
    "sftp",
    JSON.stringify({ home: "/" }),
  ];
  const init = Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]);
  for (const [bytes, words] of [
    [Buffer.from([0x7f, 0xff, 0xff, 0xff, 1]), "a packet of 2147483647 bytes"],
    [Buffer.from([0, 0, 0, 0]), "a packet of 0 bytes"],
    [Buffer.from([0, 0, 0, 5, 5, 0, 0, 0, 1]), "a request before the greeting"],
    [Buffer.concat([init, Buffer.from([0, 0, 0, 9, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])]), "too short"],
  ] as const) {
    const child = Bun.spawn(program, { stdin: bytes, stdout: "pipe", stderr: "pipe" });
    const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect([stderr.includes(words), code]).toEqual([true, 1]);
  }
});
