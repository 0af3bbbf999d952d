import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSsh } from "../../agent/testing/sshJob.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { dockerJob, hooksOf, runtimeOn, shell } from "./harness/dockerJob.ts";
import { type Engine, startEngine } from "./harness/engine.ts";
import { importImage } from "./harness/image.ts";
import { createNetwork } from "./harness/network.ts";
import { run, runOk } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";

describeWith(["root", "docker"], "SSH into containers", () => {
  const undo = new AsyncDisposableStack();
  let engine: Engine;
  let dir: string;

  beforeAll(async () => {
    dir = undo.use(tempDir()).path;
    const network = undo.use(await createNetwork());
    const host = await network.addHost("docker");
    engine = undo.use(await startEngine({ host, dir: join(dir, "engine") }));
    await importImage(engine);
  }, 60_000);
  afterAll(() => undo.disposeAsync(), 60_000);

  const start = async (assignment: Partial<Assignment>) => {
    await using closing = new AsyncDisposableStack();
    const job = dockerJob(dir, { argv: shell("echo up; sleep 600"), network_mode: "bridge", ...assignment });
    const runtime = runtimeOn(engine);
    const running = await runtime.start(job, hooksOf());
    closing.defer(() => runtime.remove(job.assignment.submission_id, job.dir));
    const ssh = closing.use(await openSsh(running, { ...job, grown: new Set() }));
    const kept = closing.move();
    return { ...ssh, running, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  };

  test("commands: environment, folder, both outputs, exit codes, what is typed", async () => {
    await using job = await start({ env: { MINE: "of the job" }, working_dir: "/tmp" });
    const said = await job.ssh(["echo $MINE; pwd; id -un; echo no >&2; exit 7"]);
    expect(said).toEqual({ stdout: "of the job\n/tmp\nroot\n", stderr: "no\n", code: 7 });
    expect(await job.ssh(["cat; echo over"], "typed\n")).toMatchObject({ stdout: "typed\nover\n", code: 0 });
    expect((await job.ssh(["wc -c"], "x".repeat(3_000_000))).stdout.trim()).toBe("3000000");
    expect((await job.ssh(["head -c 3000000 /dev/zero"])).stdout).toHaveLength(3_000_000);
    job.request.user = "nobody-by-this-name";
    const { stdout, code } = await job.ssh(["true"]);
    expect([stdout.includes("unable to find user nobody-by-this-name"), code]).toEqual([true, 126]);
  });

  test("a terminal: its size, a new size, a Ctrl-C, and its end with the job", async () => {
    await using job = await start({});
    const client = await job.connect();
    const channel = await job.shell(client, { cols: 91, rows: 33, term: "vt100" });
    channel.write("echo $TERM `stty size`\n");
    await waitFor("the size", () => channel.heard.text.includes("vt100 33 91"));
    channel.setWindow(44, 120, 0, 0);
    await waitFor("the new size", () => {
      channel.write("stty size\n");
      return channel.heard.text.includes("44 120");
    });
    channel.write("sleep 777\n");
    await waitFor("the command", async () => / sleep 777$/m.test((await job.ssh(["ps"])).stdout));
    channel.write("\x03");
    channel.write("echo still $((40 + 2)) here\n");
    await waitFor("the shell", () => channel.heard.text.includes("still 42 here"));
    job.running.stop(0);
    await waitFor("the end", () => channel.heard.exit !== undefined);
    expect([channel.heard.text.includes("[dstack] The job has ended"), channel.heard.exit]).toEqual([
      true,
      255,
    ]);
  });

  test("a terminal has the modes of the one that the client is at, where the image has stty", async () => {
    await using job = await start({});
    const seen = await job.atTerminal("-echo intr ^B -ixon", "stty -a; exit");
    for (const said of ["intr = ^B", "-ixon", " icanon", " -echo "]) expect(seen).toContain(said);
  });

  test("what a client leaves behind is hung up", async () => {
    await using job = await start({});
    const client = await job.connect();
    const channel = await job.shell(client, {});
    channel.write("echo pid $$\n");
    await waitFor("the shell", () => /pid \d+\r/.test(channel.heard.text));
    client.destroy();
    await waitFor("its end", async () => !/ \/bin\/sh$/m.test((await job.ssh(["ps"])).stdout));
  });

  test("ports in the container's own network, both ways", async () => {
    await using job = await start({
      argv: shell("echo inside > /tmp/index.html; httpd -f -p 127.0.0.1:8080 -h /tmp"),
    });
    const get = "GET /index.html HTTP/1.0\r\n\r\n";
    const argv = ["ssh", ...job.options, "-p", String(job.port), "-W", "localhost:8080", "x@127.0.0.1"];
    const answer = await waitFor("the server", async () => {
      const { stdout } = await job.exec(argv, get);
      return stdout || undefined;
    });
    expect(answer).toContain("inside");
    const client = await job.connect();
    client.on("tcp connection", (_info, accept) => void accept().end("from outside"));
    const port = await new Promise<number>((resolve, reject) =>
      client.forwardIn("127.0.0.1", 0, (err, bound) => (err ? reject(err) : resolve(bound))),
    );
    expect((await job.ssh([`nc 127.0.0.1 ${port} </dev/null`])).stdout).toBe("from outside");
    client.end();
  });

  test("Unix sockets both ways, and the client's key agent, among the container's own files", async () => {
    await using job = await start({});
    await using closing = new AsyncDisposableStack();
    const file = (name: string) => join(dir, name);
    const begin = (argv: string[]) => {
      const child = Bun.spawn(argv, {
        env: { ...process.env, SSH_AUTH_SOCK: file("keys") },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      closing.defer(async () => {
        child.kill();
        await child.exited;
      });
      return child;
    };
    const ssh = (...args: string[]) =>
      begin(["ssh", ...job.options, "-o", "ExitOnForwardFailure=yes", "-p", String(job.port), ...args]);
    const keys = async (socket: string) =>
      (await run(["ssh-add", "-L"], { env: { ...process.env, SSH_AUTH_SOCK: socket } })).stdout;

    using _server = Bun.serve({ unix: file("here"), fetch: () => new Response("from the user") });
    ssh("-R", `/tmp/job.sock:${file("here")}`, "-L", `${file("back")}:/tmp/job.sock`, "-N", "x@127.0.0.1");
    const asked = await waitFor("the way there and back", () =>
      fetch("http://job/", { unix: file("back") }).then(
        (answer) => answer.text(),
        () => undefined,
      ),
    );
    expect(asked).toBe("from the user");
    expect((await job.ssh(["stat -c '%F %a %u' /tmp/job.sock"])).stdout).toBe("socket 600 0\n");
    expect(existsSync("/tmp/job.sock")).toBe(false);

    begin(["ssh-agent", "-D", "-a", file("keys")]);
    await waitFor("the agent", () => existsSync(file("keys")));
    await runOk(["ssh-add", "-q", job.keyPath], { env: { ...process.env, SSH_AUTH_SOCK: file("keys") } });
    const session = ssh("-A", "x@127.0.0.1", "echo $SSH_AUTH_SOCK; sleep 600");
    const { value } = await session.stdout.getReader().read();
    const path = new TextDecoder().decode(value).trim();
    expect(path).toMatch(/^\/tmp\/ssh-\w+\/agent\.\d+$/);
    expect((await job.ssh([`stat -c '%a %u' $(dirname ${path})`])).stdout).toBe("700 0\n");
    ssh("-L", `${file("far")}:${path}`, "-N", "x@127.0.0.1");
    const own = await keys(file("keys"));
    expect(own).toStartWith("ssh-ed25519 ");
    await waitFor("the same keys in the container", async () => (await keys(file("far"))) === own);
  });

  test("files: copied as the session's user, and never from outside the container", async () => {
    await using job = await start({});
    const sftp = (batch: string) =>
      job.exec(["sftp", "-q", ...job.options, "-P", String(job.port), "-b", "-", "x@127.0.0.1"], batch);
    const file = join(dir, "file");
    writeFileSync(file, "from outside");
    expect(await sftp(`put ${file} /tmp/file\n`)).toMatchObject({ stderr: "", code: 0 });
    expect((await job.ssh(["cat /tmp/file; stat -c %u:%g /tmp/file"])).stdout).toBe("from outside0:0\n");

    // What leads out of a root that is only looked at by its path.
    writeFileSync(join(dir, "host-secret"), "secret");
    const links = ["/", "/proc/1/root", "/proc/self/root", "../../../../../../../.."];
    await job.ssh([links.map((to, n) => `ln -s ${to} /tmp/link${n}`).join("; ")]);
    for (const way of [...links.map((_, n) => `/tmp/link${n}`), "", "/..", "/tmp/../../../../.."]) {
      const { code, stderr } = await sftp(`get ${way}${dir}/host-secret ${join(dir, "stolen")}\n`);
      expect([way, code, stderr]).toEqual([way, 1, expect.stringMatching(/not found|No such file/)]);
    }
    // A device that a container's root can make, and its own control groups keep it from.
    await job.ssh(["mknod /tmp/disk b 7 0; mknod /tmp/zero c 1 5; mkfifo /tmp/pipe"]);
    for (const path of ["/tmp/disk", "/tmp/zero", "/tmp/pipe", "/dev/null"])
      expect((await sftp(`get ${path} ${join(dir, "stolen")}\n`)).code).toBe(1);
    expect(existsSync(join(dir, "stolen"))).toBe(false);

    job.request.user = "1234";
    expect((await sftp(`put ${file} /etc/planted\n`)).stderr).toContain("Permission denied");
    expect(await sftp(`put ${file} /tmp/mine\n`)).toMatchObject({ code: 0 });
    expect((await job.ssh(["stat -c %u:%g /tmp/mine"])).stdout).toBe("1234:0\n");
    // Whoever is looked up there is the image's to say, and must not keep the agent waiting.
    job.request.user = null;
    await job.ssh(["rm /etc/passwd; mkfifo /etc/passwd"]);
    job.request.user = "0";
    expect(await sftp(`put ${file} /tmp/still\n`)).toMatchObject({ code: 0 });
  });
});
