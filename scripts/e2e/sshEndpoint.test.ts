/** The coordinator's own SSH, with the compiled programs and OpenSSH's clients: what works, and what breaks nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { run, runOk } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

const NAME = "shells";
const PAGE = "a page of the job";

for (const runtime of ["process", "docker"] as const) {
  describeWith([...NEEDS[runtime], "root"], `the coordinator's SSH, ${runtime} runtime`, () => {
    let system: System;
    let login: { id: string; host: string; port: number };
    const file = (name: string) => join(system.dir, name);

    const post = async (path: string, token: string, body: unknown = {}) =>
      (await fetch(`${system.coordinator.url}/api/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      }).then((answer) => answer.json())) as Record<string, unknown>;

    const keyOf = async (token: string, name: string) => {
      const { ssh_private_key: key } = await post("users/get_my_user", token);
      writeFileSync(file(name), String(key), { mode: 0o600 });
    };

    beforeAll(async () => {
      system = await openSystem({ runtime });
      const { client, url, token } = system.coordinator;
      const commands = [
        `mkdir -p site && echo ${PAGE} > site/index.html`,
        "exec busybox httpd -f -p 127.0.0.1:8000 -h site",
      ];
      await keyOf(token, "key");
      const input = system.task(NAME, commands, { ports: [8000] });
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      const { jobs } = await client.waitForRun(NAME, ({ status }) => status === "running", 60_000);
      const info = jobs[0]?.job_connection_info ?? (await client.getRun(NAME)).jobs[0]?.job_connection_info;
      login = {
        id: info?.sshproxy_upstream_id ?? "",
        host: info?.sshproxy_hostname ?? "",
        port: info?.sshproxy_port ?? 0,
      };
      writeFileSync(file("known_hosts"), await (await fetch(`${url}/ssh_known_hosts`)).text());
    }, 150_000);
    afterAll(() => system[Symbol.asyncDispose](), 60_000);

    const options = (key = "key") => [
      ...["-F", "none", "-i", file(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", `UserKnownHostsFile=${file("known_hosts")}`, "-o", "StrictHostKeyChecking=yes"],
    ];
    const argv = (args: readonly string[], { user = "", key = "key" } = {}) => [
      ...["ssh", ...options(key), "-p", String(login.port), `${login.id}${user}@${login.host}`],
      ...args,
    ];
    const ssh = (args: readonly string[], who: { user?: string; key?: string } = {}, input = "") =>
      run(argv(args, who), { input });

    /** A session that stays, once it has begun. */
    const openSession = async () => {
      const child = Bun.spawn(argv(["echo begun; cat"]), { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("begun\n");
      return child;
    };

    test("commands, what is typed, exit codes, and users", async () => {
      const { stdout, stderr, code } = await ssh(
        ["cat; echo $DSTACK_RUN_NAME; echo err >&2; exit 7"],
        {},
        "in\n",
      );
      expect([stdout, stderr, code]).toEqual([`in\n${NAME}\n`, "err\n", 7]);
      expect((await ssh(["id -un"], { user: "_root" })).stdout).toBe("root\n");
      expect((await ssh(["true"], { user: "_nobody-by-this-name" })).code).toBe(126);
      expect((await ssh(["wc -c"], {}, "x".repeat(5_000_000))).stdout.trim()).toBe("5000000");
    }, 60_000);

    test("files and ports", async () => {
      const content = "0123456789abcdef\n".repeat(300_000);
      writeFileSync(file("there"), content);
      const scp = ["scp", "-q", ...options(), "-P", String(login.port)];
      const far = `${login.id}@${login.host}:/tmp/${runtime}-copied`;
      await runOk([...scp, file("there"), far]);
      await runOk([...scp, far, file("back")]);
      expect((await Bun.file(file("back")).text()) === content).toBe(true);
      await ssh([`rm /tmp/${runtime}-copied`]);
      const [command = "", ...rest] = argv([]);
      const page = await waitFor("the page", async () => {
        const { stdout } = await run([command, "-W", "localhost:8000", ...rest], {
          input: "GET / HTTP/1.0\r\n\r\n",
        });
        return stdout.includes(PAGE);
      });
      expect(page).toBe(true);
      expect((await run([command, "-W", "192.0.2.1:80", ...rest])).code).not.toBe(0);
    }, 60_000);

    test("another user's key is refused, as no job is", async () => {
      const { token } = system.coordinator;
      const created = await post("users/create", token, { username: "eve", global_role: "user" });
      await post("projects/main/add_members", token, {
        members: [{ username: "eve", project_role: "user" }],
      });
      const { token: eve } = created["creds"] as { token: string };
      await keyOf(eve, "eve");
      const refused = await ssh(["true"], { key: "eve" });
      expect([refused.code, refused.stderr]).toEqual([
        255,
        expect.stringContaining("Permission denied (publickey)"),
      ]);
    }, 60_000);

    test("many at once, and among them connections that say nothing or rubbish", async () => {
      const noise = Array.from({ length: 120 }, (_, at) => {
        const socket = connect(login.port, login.host).on("error", () => {});
        if (at % 2 === 0) socket.write(Buffer.alloc(5_000, at));
        return socket;
      });
      // Whoever comes from the address of a flood has to come after it: it is the newest that are not thrown out.
      await waitFor("all of them", () => noise.every((one) => !one.connecting));
      const all = await Promise.all(Array.from({ length: 12 }, (_, at) => ssh([`echo ${at}`])));
      expect(all.map(({ stdout }) => stdout)).toEqual(all.map((_, at) => `${at}\n`));
      for (const socket of noise) socket.destroy();
    }, 120_000);

    test("the agent is killed: what is open ends, and the next session goes", async () => {
      const session = await openSession();
      await system.agent.program.kill9();
      system.agent.restart();
      // A session of the new agent's link says that the old one's is over.
      await waitFor("a new session", async () => (await ssh(["echo new"])).stdout === "new\n", 60_000);
      expect(await session.exited).toBe(255);
    }, 150_000);

    test("the coordinator is killed: what is open ends, its host key is the same, and the next session goes", async () => {
      const session = await openSession();
      await system.coordinator.program.kill9();
      expect(await session.exited).toBe(255);
      await system.coordinator.restart();
      await waitFor("a new session", async () => (await ssh(["echo new"])).stdout === "new\n", 60_000);
    }, 150_000);

    test("the job is stopped: what is open ends, and nobody gets in any more", async () => {
      const session = await openSession();
      await system.coordinator.client.dstackOk(["stop", NAME, "-x", "-y"]);
      expect([255, 137]).toContain(await session.exited);
      expect((await ssh(["true"])).stderr).toContain("Permission denied (publickey)");
    }, 90_000);
  });
}
