/** Ports of a job without the coordinator between, where its host can be reached, and by the coordinator where not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { UserWithCreds } from "../../shared/api/users.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { createClient } from "./harness/client.ts";
import { freePort } from "./harness/freePort.ts";
import { type Program, runOk } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

/** 256 MiB, which a shell makes by doubling: what the systems on the way take up is little of it. */
const DOUBLINGS = 27;
const HASH = createHash("sha256")
  .update("y\n".repeat(2 ** DOUBLINGS))
  .digest("hex");

describeWith([...NEEDS.process, "root"], "the direct way", () => {
  let system: System;
  let url: string;
  let port: number;
  const attached: Program[] = [];
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
    port = await freePort();
    const commands = [
      "mkdir -p site && cd site && echo hello > index.html",
      "printf 'y\\n' > large",
      `i=0; while [ $i -lt ${DOUBLINGS} ]; do cat large large > twice; mv twice large; i=$((i+1)); done`,
      "exec busybox httpd -f -p 127.0.0.1:8000",
    ];
    const input = system.task("site", commands, { ports: [`${port}:8000`] });
    await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
    url = `http://127.0.0.1:${port}`;
  }, 120_000);
  afterAll(async () => {
    for (const program of attached) await program.kill9();
    await system[Symbol.asyncDispose]();
  });

  const attach = async (env: Record<string, string> = {}): Promise<Program> => {
    for (const program of attached.splice(0)) await program.kill9();
    const { client } = system.coordinator;
    const logFile = join(system.dir, `attach${crypto.randomUUID()}.log`);
    const program = client.startDstack(["attach", "site"], { logFile, env });
    attached.push(program);
    await program.waitForOutput(/Press Ctrl\+C/);
    await waitFor("the server", () => isUp(), 20_000);
    return program;
  };
  const isUp = (at = url) =>
    fetch(at).then(
      ({ ok }) => ok,
      () => false,
    );
  /** Of the large file, as it comes; what is done when it has begun to. */
  const download = async (onStart: () => Promise<void> = async () => {}): Promise<string> => {
    const hash = createHash("sha256");
    let isStarted = false;
    for await (const piece of (await fetch(`${url}/large`)).body ?? []) {
      hash.update(piece);
      if (isStarted) continue;
      isStarted = true;
      await onStart();
    }
    return hash.digest("hex");
  };
  const filter = (action: "-I" | "-D") => {
    const { host, coordinator } = system;
    if (!host?.netns) throw new Error("There is no host of its own");
    const from = new URL(coordinator.url).hostname;
    const rule = ["INPUT", "-s", from, "-p", "tcp", "--syn", "-j", "DROP"];
    return runOk(["ip", "netns", "exec", host.netns, "iptables", "-w", action, ...rule]);
  };

  test("is taken where the host can be reached, and goes on without the coordinator", async () => {
    const program = await attach();
    await program.waitForOutput(/Connected via direct/);
    const hash = await download(async () => {
      await system.coordinator.program.kill9();
    });
    expect(hash).toBe(HASH);
    // Nor does what is begun while it is away wait for it.
    expect(await isUp()).toBe(true);
    await system.coordinator.restart();
    await program.waitForOutput(/Connected again/);
    expect(await isUp()).toBe(true);
    expect(program.output().split("Connected via direct")[1]).not.toContain("Connected via relay");
  }, 120_000);

  test("is that of `dstack ssh` too", async () => {
    const { agent, coordinator } = system;
    const connected = () => agent.program.output().match(/connected directly/g)?.length ?? 0;
    const before = connected();
    // It does not wait for longer than a moment, which a busy machine may need.
    await waitFor("a session that goes straight", async () => {
      expect(await coordinator.client.dstackOk(["ssh", "site", "--", "echo here"])).toContain("here");
      return connected() > before;
    });
  }, 60_000);

  test("survives a network that fails for some seconds", async () => {
    const program = await attach();
    await program.waitForOutput(/Connected via direct/);
    const hash = await download(async () => {
      await system.host?.cut();
      const until = Date.now() + 3_000;
      await waitFor("three seconds", () => Date.now() > until, 10_000);
      await system.host?.mend();
    });
    expect(hash).toBe(HASH);
  }, 120_000);

  test("is not taken by who wants the other one, nor insisted upon in vain", async () => {
    const relayed = await attach({ DSTACK_TUNNEL_WAY: "relay" });
    expect(relayed.output()).toContain("Connected via relay");
    expect(await download()).toBe(HASH);
    const direct = await attach({ DSTACK_TUNNEL_WAY: "direct" });
    expect(direct.output()).toContain("Connected via direct");
    expect(await isUp()).toBe(true);
  }, 120_000);

  test("a firewall in between costs nobody anything: streams go by the coordinator", async () => {
    await filter("-I");
    try {
      const program = await attach();
      expect(program.output()).toContain("Connected via relay");
      expect(await download()).toBe(HASH);
      expect(program.output()).not.toContain("Connected via direct");
    } finally {
      await filter("-D");
    }
  }, 120_000);

  test("an agent that is killed ends what it carried, and the next connection finds a way", async () => {
    await attach();
    const ended = download(async () => {
      await system.agent.program.kill9();
      system.agent.restart();
    }).then(
      (hash) => (hash === HASH ? "whole" : "cut short"),
      () => "broken",
    );
    expect(["cut short", "broken"]).toContain(await ended);
    await waitFor("the port", () => isUp(), 30_000);
  }, 120_000);

  test("ends at once for who has lost the right to it", async () => {
    const { coordinator, dir } = system;
    const { url: at, token, client: admin } = coordinator;
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(`${at}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const made = await post("/api/users/create", { username: "ann", global_role: "user" });
    const { creds } = UserWithCreds.parse(await made.json());
    const member = { username: "ann", project_role: "admin" };
    expect((await post("/api/projects/main/add_members", { members: [member] })).status).toBe(200);
    const home = join(dir, "ann");
    mkdirSync(home);
    const ann = createClient({ url: at, token: creds.token, home, cwd: home });
    await ann.dstackOk(["project", "add", "-y", "--name", "main", "--url", at, "--token", creds.token]);
    const local = await freePort();
    const program = ann.startDstack(["attach", "site", "-p", `${local}:8000`], {
      logFile: join(dir, "ann.log"),
      env: { DSTACK_TUNNEL_WAY: "direct" },
    });
    attached.push(program);
    await program.waitForOutput(/Connected via direct/);
    // Nothing is read beyond its beginning: it is still on its way when the right to it ends.
    const here = `http://127.0.0.1:${local}`;
    await waitFor("the server", () => isUp(here), 20_000);
    const slow = await fetch(`${here}/large`);
    const reader = slow.body?.getReader();
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
    expect((await post("/api/projects/main/remove_members", { usernames: ["ann"] })).status).toBe(200);
    await waitFor("the host to end it", () => /revoked/i.test(program.output()), 20_000);
    const rest = async () => {
      for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read());
    };
    expect(await rest().catch((err: NodeJS.ErrnoException) => err.code)).toBe("ECONNRESET");
    // Others are not concerned.
    expect(await admin.dstackOk(["ssh", "site", "--", "echo here"])).toContain("here");
  }, 120_000);

  test("ends with the job, whatever is on its way", async () => {
    const program = await attach();
    const ended = download(async () => {
      await system.coordinator.client.dstackOk(["stop", "-y", "site"]);
    }).then(
      (hash) => (hash === HASH ? "whole" : "cut short"),
      () => "broken",
    );
    expect(["cut short", "broken"]).toContain(await ended);
    await waitFor("the end of attach", () => !program.isRunning(), 30_000);
  }, 120_000);
});
