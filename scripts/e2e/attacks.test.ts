/**
 * What somebody tries who means harm, against the compiled programs: each is refused, logged with who and what, and leaves
 * nothing behind. Agents that mean harm: coordinator/relay/hostileAgent.test.ts.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { createConnection } from "node:net";
import { join } from "node:path";
import { Event } from "../../shared/api/events.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { encodeFrame, encodeJson, FrameType } from "../../shared/tunnel/frame.ts";
import { type Footprint, footprintOf } from "./harness/footprint.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";
import { execOver, openSftp, readOverSftp, TunnelGuest, tunnelOf } from "./harness/tunnelGuest.ts";

interface Person {
  token: string;
  privateKey: string;
}

describeWith([...NEEDS.docker], "attacks on tunnels", () => {
  let system: System;
  const people: Record<string, Person> = {};
  let submission = "";
  let before: { coordinator: Footprint; agent: Footprint };
  const footprints = () => ({
    coordinator: footprintOf(system.coordinator.program.pid),
    agent: footprintOf(system.agent.program.pid),
  });
  const person = (name: string): Person => {
    const found = people[name];
    if (!found) throw new Error(`There is no ${name}`);
    return found;
  };

  const api = async (path: string, body: unknown, token = system.coordinator.token): Promise<unknown> => {
    const answer = await fetch(`${system.coordinator.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  };
  const guest = (name: string, project?: string) =>
    new TunnelGuest({
      url: system.coordinator.url,
      token: person(name).token,
      ...(project === undefined ? {} : { project }),
    });
  const port = (number: number, id = submission) => ({
    submission_id: id,
    to: { kind: "port", port: number },
  });
  const shell = () => ({ submission_id: submission, to: { kind: "ssh" } });
  const log = () => Bun.file(join(system.dir, "coordinator", "coordinator.log")).text();

  beforeAll(async () => {
    system = await openSystem({ runtime: "docker", coordinatorEnv: { DSTACK_SERVER_LOG_FORMAT: "json" } });
    for (const [name, role] of [
      ["ann", "user"],
      ["eve", "user"],
      ["mallory", undefined],
    ] as const) {
      const made = UserWithCreds.parse(
        await api("/api/users/create", { username: name, global_role: "user" }),
      );
      const { creds, ssh_private_key: key } = made;
      // The library reads no PKCS #8, which OpenSSH does.
      const privateKey = createPrivateKey(key ?? "")
        .export({ type: "pkcs1", format: "pem" })
        .toString();
      people[name] = { token: creds.token, privateKey };
      if (role !== undefined)
        await api("/api/projects/main/add_members", { members: [{ username: name, project_role: role }] });
    }
    await api("/api/projects/create", { project_name: "hers", is_public: false }, person("mallory").token);
    const commands = [
      "mkdir /tmp/site && echo hello > /tmp/site/index.html",
      "httpd -p 127.0.0.1:9999 -h /tmp/site",
      "exec httpd -f -p 127.0.0.1:8000 -h /tmp/site",
    ];
    const configuration = JSON.parse(system.task("site", commands, { ports: [8000] })) as object;
    const plan = { run_spec: { run_name: "site", configuration }, current_resource: null };
    await api("/api/project/main/runs/apply", { plan, force: false }, person("ann").token);
    const run = await system.coordinator.client.waitForRun(
      "site",
      ({ status }) => status === "running",
      60_000,
    );
    submission = run.jobs[0]?.job_submissions.at(-1)?.id ?? "";
    // Both have had a tunnel, and all that is loaded for one.
    using ann = guest("ann");
    await waitFor("the server", async () => (await ann.knock(port(8000))) === "accepted", 30_000);
    const client = await ann.ssh(shell(), person("ann").privateKey);
    expect(await execOver(client, "echo in")).toBe("in\n");
    expect(await readOverSftp(client, "/tmp/site/index.html")).toBe("hello\n");
    client.end();
    ann[Symbol.dispose]();
    await waitFor("the job's ports to be left", () => ann.closed !== undefined);
    before = footprints();
  }, 180_000);
  afterAll(() => system[Symbol.asyncDispose](), 60_000);

  test("another's run, a project that is not theirs, and what is not there: no stream, and no word of what there is", async () => {
    using eve = guest("eve");
    for (const request of [port(8000), port(9999), shell()])
      expect(await eve.knock(request)).toBe("forbidden: The run site is another user's");
    using mallory = guest("mallory", "hers");
    const foreign = await mallory.knock(port(8000));
    expect(foreign).toBe("not_found: There is no such job in this project");
    expect(await mallory.knock(port(8000, crypto.randomUUID()))).toBe(foreign);
    const address = `${tunnelOf({ url: system.coordinator.url }).replace("ws", "http")}?session=${crypto.randomUUID()}&received=0`;
    const statusOf = async (token: string) =>
      (await fetch(address, { headers: { authorization: `Bearer ${token}` } })).status;
    expect([await statusOf(person("mallory").token), await statusOf("guessed")]).toEqual([403, 403]);
    const written = await log();
    for (const words of ['"user":"eve"', '"user":"mallory"', "The run site is another user's", submission])
      expect(written).toContain(words);
    expect(written).not.toContain(person("eve").token);
  });

  test("ports that the configuration does not name, and targets that there are not", async () => {
    using ann = guest("ann");
    expect(await ann.knock(port(8000))).toBe("accepted");
    for (const number of [9999, 22, 10_999, 2375])
      expect(await ann.knock(port(number))).toBe(
        `forbidden: The configuration of site has no port ${number}`,
      );
    const wrong = [
      { ...port(8000), to: { kind: "host", port: 22 } },
      { ...port(8000), to: { kind: "port", port: 8000.5 } },
      { ...port(8000), submission_id: "../../x" },
      { ...shell(), to: { kind: "ssh", user: "root\n-o ProxyCommand=x" } },
      { ...shell(), to: { kind: "ssh", user: "../../../etc" } },
      "x".repeat(15_000),
      [[[[[]]]]],
      null,
    ];
    for (const request of wrong)
      expect(await ann.knock(request)).toBe("forbidden: This is no request for a stream");
    // More than what the server takes from the client is not the client's to say.
    const asRoot = { ...shell(), to: { kind: "ssh", keys: ["ssh-ed25519 AAAA"], user: null } };
    await expect(ann.ssh(asRoot, person("eve").privateKey)).rejects.toThrow(/authentication/i);
  });

  test("by SSH no other address than the job's own loopback is reached, and nothing listens below 1024", async () => {
    using ann = guest("ann");
    const client = await ann.ssh(shell(), person("ann").privateKey);
    const forward = (host: string, number: number) =>
      new Promise<string>((resolve) =>
        client.forwardOut("127.0.0.1", 1, host, number, (err, channel) => {
          channel?.end();
          resolve(err ? "refused" : "open");
        }),
      );
    const coordinator = new URL(system.coordinator.url);
    for (const host of [
      coordinator.hostname,
      "169.254.169.254",
      "10.0.0.1",
      "example.org",
      "::ffff:127.0.0.1",
      "127.0.0.2",
    ])
      expect([host, await forward(host, Number(coordinator.port))]).toEqual([host, "refused"]);
    expect(await forward("localhost", 9999)).toBe("open");
    const listened = await new Promise<string>((resolve) =>
      client.forwardIn("127.0.0.1", 80, (err) => resolve(err ? "refused" : "open")),
    );
    expect(listened).toBe("refused");
    client.end();
  });

  test("paths, links and hard links lead nowhere out of the container", async () => {
    using ann = guest("ann");
    const client = await ann.ssh(shell(), person("ann").privateKey);
    const sftp = await openSftp(client);
    const secret = join(system.dir, "coordinator", "coordinator.log");
    expect(await Bun.file(secret).exists()).toBe(true);
    for (const [name, target] of [
      ["root", "/"],
      ["proc", "/proc/1/root"],
      ["self", "/proc/self/root"],
      ["up", "../../../../../../../../.."],
    ])
      await new Promise<void>((resolve, reject) =>
        // OpenSSH's order, which the library knows only of servers that call themselves OpenSSH.
        sftp.symlink(`/tmp/${name}`, `${target}`, (err) => (err ? reject(err) : resolve())),
      );
    const ways = [
      "",
      "/tmp/root",
      "/tmp/proc",
      "/tmp/self",
      "/tmp/up",
      "/../../..",
      "/proc/self/root",
      "/proc/1/root",
      "/proc/self/cwd",
    ];
    for (const way of ways) {
      expect([way, await readOverSftp(client, `${way}${secret}`)]).toEqual([
        way,
        expect.stringMatching(/^refused: /),
      ]);
    }
    const linked = await new Promise<string>((resolve) =>
      sftp.ext_openssh_hardlink(secret, "/tmp/stolen", (err) => resolve(err ? "refused" : "linked")),
    );
    expect(linked).toBe("refused");
    client.end();
  });

  test("rubbish on every socket: its sender is gone, and nobody else notices", async () => {
    const { url } = system.coordinator;
    const { hostname: host, port: number } = new URL(url);
    using witness = guest("ann");
    let broken: string | undefined;
    expect(await witness.knock(port(8000), (why) => (broken = why))).toBe("accepted");
    const sent: [string | Uint8Array, number][] = [
      ["text", 1003],
      [new Uint8Array(200_000), 1009],
      [encodeFrame(FrameType.data, 1, new Uint8Array(70_000)), 1009],
      [encodeFrame(FrameType.data, 7, new Uint8Array(10)), 4400],
      [Uint8Array.of(99, 0, 0, 0, 1), 4400],
      [Uint8Array.of(1), 4400],
      [encodeFrame(FrameType.open, 2, encodeJson({ granted: 1 })), 4400],
      [encodeFrame(FrameType.open, 1, encodeJson({ granted: 2 ** 50, request: port(8000) })), 4400],
      [encodeFrame(FrameType.open, 1, new TextEncoder().encode("[".repeat(16_000))), 4400],
      [encodeFrame(FrameType.ack, 0, new Uint8Array(8).fill(255)), 4400],
      [encodeFrame(FrameType.hello, 0, encodeJson({ received: 5 })), 4400],
    ];
    for (const [at, [message, code]] of sent.entries()) {
      const query = `session=${crypto.randomUUID()}&received=0`;
      const socket = new WebSocket(`${tunnelOf({ url })}?${query}`, {
        headers: { authorization: `Bearer ${person("eve").token}` },
      });
      const closed = new Promise<number>((resolve) => {
        socket.onclose = (event) => resolve(event.code);
      });
      socket.onopen = () => socket.send(message);
      expect([at, await closed]).toEqual([at, code]);
    }
    const random = crypto.getRandomValues(new Uint8Array(60_000));
    await new Promise<void>((resolve) => {
      const socket = createConnection({ host, port: Number(number) }, () => socket.end(random));
      socket.on("error", () => {}).resume();
      socket.once("close", () => resolve());
    });
    // On the way to the job's SSH server, and as an agent that is none.
    using ann = guest("ann");
    const duplex = ann.duplex(shell());
    const over = new Promise<void>((resolve) => {
      duplex.on("error", () => {}).once("close", () => resolve());
    });
    duplex.resume().write(random);
    await over;
    expect((await fetch(`${url}/api/agent/tunnel?session=${crypto.randomUUID()}&received=0`)).status).toBe(
      400,
    );
    expect(broken).toBeUndefined();
    expect(await witness.knock(port(8000))).toBe("accepted");
    expect(await log()).toContain("protocol error");
  }, 60_000);

  test("a flood of streams is refused beyond the limit, and others go on", async () => {
    using ann = guest("ann");
    const got = await Promise.all(Array.from({ length: 1_500 }, () => ann.knock(port(8000))));
    const accepted = got.filter((one) => one === "accepted").length;
    expect(accepted).toBeLessThanOrEqual(1_000);
    expect(got.filter((one) => one.startsWith("too_many: ")).length).toBeGreaterThanOrEqual(500);
    using eve = guest("eve");
    expect(await eve.knock(port(8000))).toStartWith("forbidden");
  }, 60_000);

  test("who opens streams and leaves them, again and again, leaves nothing behind", async () => {
    using ann = guest("ann");
    await ann.isUp();
    for (let round = 0; round < 20; round += 1) {
      const streams = Array.from({ length: 50 }, () => ann.dialler.mux.open(port(8000)));
      for (const stream of streams) stream.reset({ code: "aborted", message: "never mind" });
      expect(await ann.knock({ ...port(8000), submission_id: crypto.randomUUID() })).toStartWith("not_found");
    }
  }, 60_000);

  test("a user whose token is made anew loses what is open at once, and comes in with the new one alone", async () => {
    using ann = guest("ann");
    const ends: string[] = [];
    expect(await ann.knock(port(8000), (why) => void ends.push(why))).toBe("accepted");
    const client = await ann.ssh(shell(), person("ann").privateKey);
    const shut = new Promise<void>((resolve) => {
      client.once("close", () => resolve());
    });
    const fresh = UserWithCreds.parse(await api("/api/users/refresh_token", { username: "ann" }));
    await shut;
    await waitFor("the end", () => ends.length > 0);
    expect([ends, ann.closed]).toEqual([["link_lost: Access was revoked"], "Access was revoked"]);
    using again = guest("ann");
    await waitFor("the refusal", () => again.closed, 20_000);
    people["ann"] = { ...person("ann"), token: fresh.creds.token };
    using back = guest("ann");
    expect(await back.knock(port(8000))).toBe("accepted");
  }, 60_000);

  test("all of it was told, and neither program has more descriptors than before, or much more memory", async () => {
    const events: Event[] = [];
    for (let page: Event[] | undefined; page?.length !== 0; events.push(...page)) {
      const last = events.at(-1);
      const after = last ? { prev_recorded_at: last.recorded_at, prev_id: last.id } : {};
      page = Event.array().parse(await api("/api/events/list", { limit: 100, ascending: true, ...after }));
    }
    const by = (start: string) =>
      events.filter(({ message }) => message.startsWith(start)).map((one) => one.actor_user);
    expect(by("Port 8000 opened")).toContain("ann");
    expect(by("Shell closed")).toContain("ann");
    expect(new Set(by("Tunnel opened"))).toEqual(new Set(["ann", "eve", "mallory"]));
    // One for each use, not for each of some thousand connections.
    expect(by("Port 8000").length).toBeLessThan(60);
    await waitFor(
      "what is open to be closed",
      () => {
        const now = footprints();
        return (
          now.coordinator.descriptors <= before.coordinator.descriptors + 4 &&
          now.agent.descriptors <= before.agent.descriptors + 4
        );
      },
      60_000,
    );
    const after = footprints();
    expect(after.coordinator.anonMiB - before.coordinator.anonMiB).toBeLessThan(150);
    expect(after.agent.anonMiB - before.agent.anonMiB).toBeLessThan(150);
  }, 90_000);
});
