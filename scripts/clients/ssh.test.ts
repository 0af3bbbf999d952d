/** Jobs by this machine's OpenSSH: its clients are the real ones, so is the SSH server behind the lab's host. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Lab, openLab } from "./lab.ts";
import { startSshHost } from "./sshHost.ts";

const MAIN = join(import.meta.dir, "../../cli/main.ts");

/** A program on the person's machine. */
const execIn = (lab: Lab) => {
  const env = {
    HOME: lab.person.home,
    PATH: process.env["PATH"] ?? "",
    DSTACK_SERVER_URL: lab.coordinator.url,
    DSTACK_TOKEN: lab.coordinator.adminToken,
    DSTACK_PROJECT: "main",
  };
  const start = (argv: readonly string[], input = "") =>
    Bun.spawn([...argv], {
      env,
      cwd: lab.person.cwd,
      stdin: Buffer.from(input),
      stdout: "pipe",
      stderr: "pipe",
    });
  const exec = async (argv: readonly string[], input = "") => {
    const child = start(argv, input);
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  };
  return { start, exec, dstack: (...argv: string[]) => exec([process.execPath, MAIN, ...argv]) };
};

const runIn = async (lab: Lab, name: string, ...lines: string[]): Promise<string> => {
  await lab.task(name, ...lines);
  await lab.person.run(["apply", "-f", `${name}.dstack.yml`, "-yd"]);
  const id = await lab.agent.take();
  await lab.agent.running(id);
  return id;
};

const aliasesIn = ({ person }: Lab) => readFileSync(join(person.home, ".dstack/ssh/config"), "utf8");

test("while somebody is attached `ssh`, `scp`, `sftp` and `rsync` know the run by its name, and check its host key", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  await using _host = await startSshHost(lab);
  const attached = lab.person.start(["attach", "web"]);
  await attached.waitForOut("To connect to the run via SSH, use `ssh web`.\n");
  const config = join(lab.person.home, ".ssh/config");
  const { exec } = execIn(lab);
  const ssh = ["ssh", "-F", config];
  expect(await exec([...ssh, "web", "cat; exit 7"], "typed")).toEqual({
    stdout: "typed",
    stderr: "",
    code: 7,
  });
  const known = readFileSync(join(lab.person.home, ".dstack/ssh/known_hosts"), "utf8");
  expect(known).toMatch(/^web\.[0-9a-f]{8}\.dstack ssh-ed25519 \S+\n$/);

  const file = join(lab.person.cwd, "file");
  const content = "0123456789".repeat(300_000);
  writeFileSync(file, content);
  const there = join(lab.person.cwd, "there");
  mkdirSync(there);
  expect(await exec(["scp", "-F", config, file, `web:${there}/scp`])).toMatchObject({ code: 0 });
  expect(await exec(["scp", "-O", "-F", config, file, `web:${there}/scp-O`])).toMatchObject({ code: 0 });
  expect(await exec(["sftp", "-F", config, "-b", "-", "web"], `put ${file} ${there}/sftp\n`)).toMatchObject({
    code: 0,
  });
  expect(await exec(["rsync", "-e", ssh.join(" "), file, `web:${there}/rsync`])).toMatchObject({ code: 0 });
  expect(await exec(["scp", "-F", config, `web:${there}/scp`, `${file}.back`])).toMatchObject({ code: 0 });
  for (const each of ["scp", "scp-O", "sftp", "rsync"]
    .map((name) => join(there, name))
    .concat(`${file}.back`))
    expect([each, readFileSync(each, "utf8") === content]).toEqual([each, true]);

  attached.interrupt();
  expect(await attached.finished).toMatchObject({ code: 0 });
  expect(aliasesIn(lab)).toBe("");
}, 60_000);

test("a host whose key is another one than was told is refused", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  await using _host = await startSshHost(lab);
  const attached = lab.person.start(["attach", "web"]);
  await attached.waitForOut("ssh web");
  // As one would who could change what OpenSSH is told: then nobody tells it.
  const config = join(lab.person.home, "changed");
  const foreign = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpRvpDv7ko5WPHHQ5rTzYuQRk3v3b0d1Jw0bXk0pY1Z";
  const alias = /HostKeyAlias (\S+)/.exec(aliasesIn(lab))?.[1];
  writeFileSync(join(lab.person.home, "known"), `${alias} ${foreign}\n`);
  writeFileSync(
    config,
    aliasesIn(lab).replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${lab.person.home}/known`),
  );
  const { code, stderr } = await execIn(lab).exec(["ssh", "-F", config, "web", "true"]);
  expect([code, stderr.includes("Host key verification failed")]).toEqual([255, true]);
  attached.interrupt();
  await attached.finished;
}, 30_000);

test("another attempt at the job has another host key, and its name is the same", async () => {
  await using lab = await openLab();
  await runIn(lab, "again", "retry: true");
  await using host = await startSshHost(lab);
  const attached = lab.person.start(["attach", "again"]);
  await attached.waitForOut("ssh again");
  const ssh = ["ssh", "-F", join(lab.person.home, ".ssh/config"), "again", "echo here"];
  const { exec } = execIn(lab);
  expect((await exec(ssh)).stdout).toBe("here\n");
  await host.next();
  expect(await exec(ssh)).toEqual({ stdout: "here\n", stderr: "", code: 0 });
  attached.interrupt();
  await attached.finished;
}, 30_000);

test("SIGTERM ends an attachment, and its name with it", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  const attached = lab.person.start(["attach", "web"]);
  await attached.waitForOut("Press Ctrl+C to detach...\n");
  expect(aliasesIn(lab)).toStartWith("Host web\n");
  attached.terminate();
  expect((await attached.finished).code).toBe(143);
  expect(aliasesIn(lab)).toBe("");
});

test("dstack ssh needs nobody attached, passes its arguments on, and ends as the command does", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  await using _host = await startSshHost(lab);
  const { dstack } = execIn(lab);
  expect(await dstack("ssh", "web", "--", "echo", "$((40 + 2)); exit 5")).toEqual({
    stdout: "42\n",
    stderr: "",
    code: 5,
  });
  expect(await dstack("ssh", "web-0-0", "--", "pwd")).toMatchObject({ code: 0 });
  expect(existsSync(join(lab.person.home, ".ssh/config"))).toBe(false);
}, 30_000);

test.each([
  [["ssh", "ghost"], /^Run ghost not found\n$/],
  [["ssh", "web", "--job", "3"], /^Failed to find replica=<any running> job=3\n$/],
  [["ssh", "web-1-0"], /^Failed to find replica=0 job=1\n$/],
  [
    ["ssh", "web"],
    /^The job does not run yet: web is (submitted|provisioning)\n`dstack run wait --for running web` waits for it\n$/,
  ],
  [["ssh", "web", "--ssh-identity", "none"], /^Unable to read the SSH key at /],
])("%j says why it cannot", async (argv, said) => {
  await using lab = await openLab();
  await lab.task("web");
  await lab.person.run(["apply", "-f", "web.dstack.yml", "-yd"]);
  const { code, out } = await lab.person.run(argv, { env: { PATH: process.env["PATH"] ?? "" } });
  expect(out).toMatch(said);
  expect(code).toBe(1);
});

test("without OpenSSH `dstack ssh` says what to do, and the ports can be had all the same", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  const { code, out } = await lab.person.run(["ssh", "web"], { env: { PATH: lab.person.cwd } });
  expect(code).toBe(1);
  expect(out).toBe(
    "Cannot find `ssh`: OpenSSH is not installed here\nInstall it (Debian: openssh-client), or reach the ports of web with `dstack attach web`\n",
  );
});

test("ssh-proxy says in one line on stderr why there is no way, and nothing to OpenSSH", async () => {
  await using lab = await openLab();
  const { dstack, exec } = execIn(lab);
  expect(await dstack("ssh-proxy", "ghost")).toEqual({
    stdout: "",
    stderr: "dstack ssh-proxy: ghost: Run ghost not found\r\n",
    code: 1,
  });
  await lab.task("web");
  await lab.person.run(["apply", "-f", "web.dstack.yml", "-yd"]);
  expect((await dstack("ssh-proxy", "web")).stderr).toMatch(
    /^dstack ssh-proxy: web: The job is (submitted|provisioning)\r\n$/,
  );
  await lab.agent.running(await lab.agent.take());
  await using _host = await startSshHost(lab);
  // Whoever leaves at once is not waited for.
  const { code, stdout } = await exec([process.execPath, MAIN, "ssh-proxy", "web"]);
  expect([code, stdout.startsWith("SSH-2.0-")]).toEqual([0, true]);
}, 30_000);

test("a home that cannot be written to has no names, and everything else", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  mkdirSync(join(lab.person.home, ".dstack"), { recursive: true });
  // Not by its mode: nothing is forbidden to root.
  writeFileSync(join(lab.person.home, ".dstack/ssh"), "a file in its place");
  const attached = lab.person.start(["attach", "web"]);
  await attached.waitForOut("Press Ctrl+C to detach...\n");
  expect(attached.out()).not.toContain("ssh web");
  attached.interrupt();
  const { code, err } = await attached.finished;
  expect([code, err.includes("There is no `ssh web` now: ")]).toEqual([0, true]);
});

test("who attaches twice to a run has its name until both have left", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  const [first, second] = [lab.person.start(["attach", "web"]), lab.person.start(["attach", "web"])];
  for (const each of [first, second]) await each.waitForOut("Press Ctrl+C to detach...\n");
  first.interrupt();
  await first.finished;
  expect(aliasesIn(lab)).toStartWith("Host web\n");
  second.interrupt();
  await second.finished;
  await waitFor("the end of the name", () => aliasesIn(lab) === "");
});

const freePort = (): number => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  server.stop(true);
  return server.port;
};

test("attach -R has a port of the job lead here, both ways and whole, as long as it is attached", async () => {
  await using lab = await openLab();
  await runIn(lab, "web");
  await using _host = await startSshHost(lab);
  const large = "0123456789".repeat(500_000);
  await using here = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => new Response(`${await request.text()}|${large}`),
  });
  const port = freePort();
  const attached = lab.person.start(["attach", "web", "-R", `${port}:127.0.0.1:${here.port}`]);
  await attached.waitForOut("Press Ctrl+C to detach...\n");
  expect(attached.out()).toContain(
    `Connected via relay\nReverse-forwarded ports (of the job -> here):\n  - localhost:${port} -> 127.0.0.1:${here.port}\n`,
  );
  // The job of this lab is in this machine's own network.
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: large, keepalive: false });
    return (await answer.text()) === `${large}|${large}`;
  };
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([true, true, true]);
  const second = await lab.person.run(["attach", "web", "-R", String(port)]);
  expect(second).toMatchObject({ code: 1, out: `port ${port} of the job is already in use\n` });
  attached.interrupt();
  expect(await attached.finished).toMatchObject({ code: 0 });
  await waitFor("the end of the port", () =>
    ask().then(
      () => false,
      () => true,
    ),
  );
}, 60_000);
