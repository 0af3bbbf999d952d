/** What somebody tries who wants to be a host that they are not (docs/on-prem.md, "Who a host is"), over the coordinator's port. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Instance } from "../../shared/api/fleets.ts";
import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { BareHost, type LinkAnswer } from "../testing/bareHost.ts";
import { newHostKey } from "../testing/hostKey.ts";
import { sha256Of } from "../testing/seeded.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";

const P = "/api/project/main";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const opened = new AsyncDisposableStack();
let coordinator: TestCoordinator;
/** Of fleet `lab`, without a limit of uses. */
let token: string;
/** How much later it is by the coordinator's clock. */
let laterMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + laterMs };

beforeAll(async () => {
  coordinator = opened.use(await startTestCoordinator({}, undefined, clock));
  token = await coordinator.newJoinToken("lab");
}, 60_000);
afterAll(() => opened.disposeAsync());

/** Puts the coordinator's clock forward, and back at the end. */
const later = (ms: number): Disposable => {
  laterMs += ms;
  return {
    [Symbol.dispose]: () => {
      laterMs -= ms;
    },
  };
};

const tokenOf = async (fleet: string, more: Record<string, unknown> = {}): Promise<NewJoinToken> =>
  NewJoinToken.parse((await coordinator.post(`${P}/fleets/tokens/create`, { fleet, ...more })).body);

const joined = async (more: { fleet?: string; hostname?: string } = {}): Promise<BareHost> => {
  const host = new BareHost(coordinator, { hostname: more.hostname ?? "host-0" });
  const answer = await host.join(more.fleet ? await coordinator.newJoinToken(more.fleet) : token);
  if (answer.status !== 200) throw new Error(answer.says);
  return host;
};

const remove = (name: string, more: Record<string, unknown> = {}) =>
  coordinator.post(`${P}/instances/remove`, { name, ...more });

const instanceOf = async ({ name }: BareHost): Promise<Instance | undefined> => {
  const { body } = await coordinator.post("/api/instances/list", { only_active: true });
  return (body as Instance[]).find((one) => one.name === name);
};

/** Everything that a credential is good for. */
const CALLS: Record<string, (host: BareHost) => Promise<LinkAnswer>> = {
  sync: (host) => host.sync(),
  report: (host) => host.call("/report", { body: { session: crypto.randomUUID(), reports: [] } }),
  "log upload": (host) => host.call(`/logs/${crypto.randomUUID()}?offset=0&at=1`, { body: "text" }),
  "agent's log": (host) => host.call(`/agent-logs/${crypto.randomUUID()}?offset=0`, { body: "text" }),
  metrics: (host) => host.call("/metrics", { body: { sent_at: Date.now(), samples: [] } }),
  blob: (host) => host.call(`/blobs/${"0".repeat(64)}`, { method: "GET" }),
  tunnel: (host) => host.call(`/tunnel?session=${crypto.randomUUID()}&received=0`, { method: "GET" }),
  leave: (host) => host.call("/leave", { body: { force: true } }),
};

/** From a host that has joined to one whose credential is worth nothing. */
const WORTHLESS: Record<string, (host: BareHost) => Promise<Disposable | undefined>> = {
  "none at all": async (host) => host.take(""),
  "made up": async (host) => host.take(`dsi_${"x".repeat(43)}`),
  "a join token": async (host) => host.take(token),
  "a user's": async (host) => host.take(coordinator.adminToken),
  "of a host that was removed": async (host) => void (await remove(host.name)),
  "of a host that has left": async (host) => void (await CALLS["leave"]?.(host)),
  "of a fleet that was deleted": async (host) => {
    const fleet = host.name.replace(/-\d+$/, "");
    await coordinator.post(`${P}/fleets/delete`, { names: [fleet] });
  },
  "a day old": async () => later(DAY_MS + 1),
  "replaced by a proof of the key": async (host) => {
    const { credential } = host;
    await host.enroll({ kind: "key", ...host.key.prove(Date.now()) });
    host.credential = credential;
  },
};

describe.each(Object.entries(WORTHLESS))("a credential: %s", (_, spoil) => {
  test("is refused by every call", async () => {
    const host = await joined({ fleet: `pool-${crypto.randomUUID().slice(0, 8)}` });
    expect((await host.sync()).status).toBe(200);
    using _changed = await spoil(host);
    const answers = await Promise.all(
      Object.entries(CALLS).map(async ([name, call]) => [name, (await call(host)).status]),
    );
    expect(answers).toEqual(Object.keys(CALLS).map((name) => [name, 401]));
  });
});

test("a credential is renewed by a sync, the old one ends when it would have, and both with the host", async () => {
  const host = await joined();
  const first = host.credential;
  const Renewed = z.object({ credential: z.object({ token: z.string(), expires_at: z.number() }) });
  using _afterHours = later(16 * 60 * MINUTE_MS);
  const { credential } = Renewed.parse((await host.sync({ renew_credential: true })).body);
  expect(credential.expires_at).toBeGreaterThan(clock.now() + DAY_MS - MINUTE_MS);
  const statusWith = async (secret: string) => {
    host.credential = secret;
    return (await host.sync()).status;
  };
  expect(await statusWith(first)).toBe(200);
  expect(await statusWith(credential.token)).toBe(200);
  using _nextDay = later(8 * 60 * MINUTE_MS + 1);
  expect(await statusWith(first)).toBe(401);
  expect(await statusWith(credential.token)).toBe(200);
  await remove(host.name);
  expect(await statusWith(credential.token)).toBe(401);
});

test("a host that is removed while its sync waits is told at once", async () => {
  const host = await joined();
  const { epoch, revision } = z
    .object({ epoch: z.string(), revision: z.number() })
    .parse((await host.sync()).body);
  const waiting = host.sync({ seen: { epoch, revision }, wait_ms: 50_000 });
  await remove(host.name);
  await waiting;
  expect((await host.sync()).status).toBe(401);
});

/** What a thief has: a token, what the victim has said, its public key; never its private key. */
const THEFTS: Record<
  string,
  { by: (thief: BareHost, victim: BareHost) => Promise<LinkAnswer>; status: number; says: string }
> = {
  "the victim's public key with a stolen token": {
    by: (thief, victim) => thief.enroll({ kind: "join", token }, victim.key.publicKey),
    status: 401,
    says: "no proof of it was given",
  },
  "the victim's public key with a stolen token and a proof of another key": {
    by: (thief, victim) =>
      thief.enroll({ kind: "join", token, key: thief.key.prove(Date.now()) }, victim.key.publicKey),
    status: 401,
    says: "does not match the host's key",
  },
  "the victim's public key, proved by another": {
    by: (thief, victim) =>
      thief.enroll({ kind: "key", ...thief.key.prove(Date.now()) }, victim.key.publicKey),
    status: 401,
    says: "does not match the host's key",
  },
  "a signature that was altered": {
    by: (thief, victim) => {
      const { at, signature } = victim.key.prove(Date.now());
      return thief.enroll({ kind: "key", at: at + 1, signature }, victim.key.publicKey);
    },
    status: 401,
    says: "does not match the host's key",
  },
  "a proof of the victim's that is too old": {
    by: (thief, victim) =>
      thief.enroll({ kind: "key", ...victim.key.prove(Date.now() - 11 * MINUTE_MS) }, victim.key.publicKey),
    status: 401,
    says: "more than 10 minutes off",
  },
  "a proof of the victim's that is not good yet": {
    by: (thief, victim) =>
      thief.enroll({ kind: "key", ...victim.key.prove(Date.now() + 11 * MINUTE_MS) }, victim.key.publicKey),
    status: 401,
    says: "more than 10 minutes off",
  },
  "a key that no host has": {
    by: (thief) => thief.enroll({ kind: "key", ...thief.key.prove(Date.now()) }),
    status: 401,
    says: "not known here",
  },
};

test.each(Object.entries(THEFTS))("stolen: %s", async (_, { by, status, says }) => {
  const victim = await joined();
  const { credential } = victim;
  const thief = new BareHost(coordinator, { hostname: "host-0" });
  const answer = await by(thief, victim);
  expect(answer).toMatchObject({ status });
  expect(answer.says).toContain(says);
  expect(thief.credential).toBe("");
  victim.credential = credential;
  expect((await victim.sync()).status).toBe(200);
});

test("a stolen token makes another host of the thief, whatever it says of itself; the victim goes on", async () => {
  const victim = await joined({ hostname: "gpu-1" });
  const thief = new BareHost(coordinator, { hostname: "gpu-1" });
  thief.bootId = victim.bootId;
  await thief.join(token);
  expect(thief.name).not.toBe(victim.name);
  expect((await victim.sync()).status).toBe(200);
});

describe("an enrolment that is replayed", () => {
  test("by the key: the host's credential stays, and the copy gets none", async () => {
    const host = await joined();
    const proof = { kind: "key" as const, ...host.key.prove(Date.now()) };
    expect((await host.enroll(proof)).status).toBe(200);
    const copy = new BareHost(coordinator);
    const answer = await copy.enroll(proof, host.key.publicKey);
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.says).toContain("was used before");
    expect((await host.sync()).status).toBe(200);
  });

  test("with the join token, as a join and as a proof of the key", async () => {
    const host = new BareHost(coordinator);
    const key = host.key.prove(Date.now());
    await host.enroll({ kind: "join", token, key });
    for (const proof of [
      { kind: "join" as const, token, key },
      { kind: "key" as const, ...key },
    ])
      expect((await new BareHost(coordinator).enroll(proof, host.key.publicKey)).status).toBe(401);
    expect((await host.sync()).status).toBe(200);
  });

  test("of a host whose clock was ahead when it joined: not even when its moment has come", async () => {
    const host = new BareHost(coordinator);
    const key = host.key.prove(Date.now() + 60 * MINUTE_MS);
    expect((await host.enroll({ kind: "join", token, key })).status).toBe(200);
    using _then = later(60 * MINUTE_MS);
    const copy = new BareHost(coordinator);
    expect((await copy.enroll({ kind: "key", ...key }, host.key.publicKey)).says).toContain(
      "was used before",
    );
    // The host itself has had its clock put right.
    expect((await host.enroll({ kind: "key", ...host.key.prove(clock.now()) })).status).toBe(200);
  });
});

describe("a join token", () => {
  test("of one use lets one host in, however many come at once", async () => {
    const { token: one } = await tokenOf("few", { uses: 1 });
    const hosts = Array.from({ length: 6 }, () => new BareHost(coordinator));
    const answers = await Promise.all(hosts.map((host) => host.join(one)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status, says } of answers.filter((answer) => answer.status !== 200)) {
      expect(status).toBe(401);
      expect(says).toContain("is used up");
    }
  });

  test("makes one instance of a host that asks twice at once", async () => {
    const { token: any } = await tokenOf("twice");
    const host = new BareHost(coordinator);
    await Promise.all([host.join(any, Date.now() - 1), host.join(any)]);
    await host.join(any, Date.now() + 1);
    const { body } = await coordinator.post(`${P}/fleets/get`, { name: "twice" });
    expect((body as { instances: unknown[] }).instances).toHaveLength(1);
  });

  test.each([
    ["that was revoked", { ttl_s: 3600 }, "was revoked"],
    ["that has expired", { ttl_s: 60 }, "has expired"],
  ])("%s lets nobody in", async (_, more, says) => {
    const made = await tokenOf("lab", more);
    if (more.ttl_s === 3600) await coordinator.post(`${P}/fleets/tokens/revoke`, { ids: [made.id] });
    using _then = later(2 * MINUTE_MS);
    const answer = await new BareHost(coordinator).join(made.token, clock.now());
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.says).toContain(says);
  });

  test.each([
    ["that is used up", { uses: 1 }],
    ["that was revoked", { ttl_s: 3600 }],
    ["that has expired", { ttl_s: 60 }],
  ])("%s lets the host that is in say its line again, and gives it nothing", async (what, more) => {
    const made = await tokenOf("again", { ...more, labels: { rack: "a" } });
    const host = new BareHost(coordinator);
    expect((await host.join(made.token)).status).toBe(200);
    await coordinator.post(`${P}/instances/label`, { name: host.name, labels: { rack: "b" } });
    if (what === "that was revoked") await coordinator.post(`${P}/fleets/tokens/revoke`, { ids: [made.id] });
    using _then = later(2 * MINUTE_MS);
    const { name } = host;
    expect((await host.join(made.token, clock.now())).status).toBe(200);
    expect(host.name).toBe(name);
    expect((await host.sync()).status).toBe(200);
    expect((await instanceOf(host))?.labels).toEqual({ rack: "b" });
    // Nor does it let in whoever has taken the token, and knows the host's public key.
    const thief = new BareHost(coordinator);
    const asked = { kind: "join" as const, token: made.token, key: thief.key.prove(clock.now()) };
    expect((await thief.enroll(asked, host.key.publicKey)).status).toBe(401);
    expect((await host.sync()).status).toBe(200);
    // Taken out, it comes anew.
    await remove(host.name);
    expect((await host.join(made.token, clock.now() + 1)).status).toBe(401);
  });

  test("of a fleet makes instances of that fleet, and moves none out of another", async () => {
    const { token: other } = await tokenOf("other", { labels: { rack: "b" }, blocks: 2 });
    const host = await joined();
    const answer = await host.join(other);
    expect(answer).toMatchObject({ status: 409 });
    expect(answer.says).toContain(`This host is ${host.name} already, and a host is in one fleet`);
    expect(answer.says).toContain("dstack-agent leave");
    const kept = await instanceOf(host);
    expect(kept).toMatchObject({ fleet_name: "lab", total_blocks: 1 });
    expect(kept?.labels).toBeUndefined();
    // To who has not the host's key, nothing is said of it.
    const stranger = new BareHost(coordinator);
    const asked = { kind: "join" as const, token: other, key: stranger.key.prove(Date.now()) };
    expect((await stranger.enroll(asked, host.key.publicKey)).says).not.toContain(host.name);
  });
});

test("a host whose clock is off joins with a token, and gets no credential by its key until it is right", async () => {
  const host = new BareHost(coordinator);
  expect((await host.join(token, Date.now() - 3 * 60 * MINUTE_MS)).status).toBe(200);
  expect((await host.sync()).status).toBe(200);
  const wrong = await host.enroll({ kind: "key", ...host.key.prove(Date.now() - 60 * MINUTE_MS) });
  expect(wrong).toMatchObject({ status: 401 });
  expect(wrong.says).toContain("Set the clock of the host");
  expect((await host.enroll({ kind: "key", ...host.key.prove(Date.now() - 9 * MINUTE_MS) })).status).toBe(
    200,
  );
});

describe("another host's job", () => {
  let own: BareHost;
  let other: BareHost;
  let job: string;
  const archive = "content of an archive";

  beforeAll(async () => {
    [own, other] = [await joined({ fleet: "jobs" }), await joined({ fleet: "jobs" })];
    const form = new FormData();
    form.append("file", new Blob([archive]), sha256Of(archive));
    const uploaded = await fetch(`${coordinator.url}/api/files/upload_archive`, {
      method: "POST",
      headers: { authorization: `Bearer ${coordinator.adminToken}` },
      body: form,
    });
    const { id } = (await uploaded.json()) as { id: string };
    const resources = { cpu: "1..", memory: "1GB..", disk: null };
    const instances = [{ name: own.name }];
    const configuration = { type: "task", image: "busybox", commands: ["true"], resources, instances };
    const file_archives = [{ id, path: "/workflow/file" }];
    const run_spec = { run_name: "theirs", configuration, file_archives };
    const applied = await coordinator.post(`${P}/runs/apply`, {
      plan: { run_spec, current_resource: null },
      force: false,
    });
    expect(applied.status).toBe(200);
    const Wishes = z.object({ desired: z.array(z.object({ submission_id: z.string() })) });
    const { desired } = Wishes.parse((await own.sync()).body);
    job = desired[0]?.submission_id ?? "";
    await own.sync({ held: [{ submission_id: job, state: "running" }] });
  });

  const report = (host: BareHost, fact: Record<string, unknown>) =>
    host.call("/report", {
      body: {
        session: crypto.randomUUID(),
        reports: [{ submission_id: job, sequence: 1, at: Date.now(), fact }],
      },
    });
  const OTHERS: [string, (host: BareHost) => Promise<LinkAnswer>, number, string][] = [
    [
      "log",
      (host) => host.call(`/logs/${job}?offset=0&at=1`, { body: "forged" }),
      409,
      "not this instance's",
    ],
    ["agent's log", (host) => host.call(`/agent-logs/${job}?offset=0`, { body: "x" }), 409, "not this"],
    [
      "archive",
      (host) => host.call(`/blobs/${sha256Of(archive)}`, { method: "GET" }),
      404,
      "belongs to a job",
    ],
    ["end", (host) => report(host, { state: "finished", reason: "done_by_runner" }), 400, ""],
  ];

  test.each(OTHERS)("its %s is not for others", async (_, call, status, says) => {
    const answer = await call(other);
    expect(answer.status).toBe(status);
    expect(answer.says).toContain(says);
  });

  test("a report of others is fenced, and to name it as held is no claim", async () => {
    const finished = {
      state: "finished",
      reason: "done_by_runner",
      message: "",
      exit_status: 0,
      log_bytes: 0,
    };
    expect((await report(other, finished)).body).toEqual({
      results: [{ submission_id: job, result: "fenced" }],
    });
    const named = await other.sync({ held: [{ submission_id: job, state: "running" }] });
    expect(named.body).not.toMatchObject({ desired: [{ assignment: expect.anything() }] });
    const run = await coordinator.post(`${P}/runs/get`, { run_name: "theirs" });
    expect(run.body).toMatchObject({ status: "provisioning" });
    expect((await own.call(`/blobs/${sha256Of(archive)}`, { method: "GET" })).body).toBe(archive);
  });
});

test("two hosts with one identity: neither gets work, and both are named", async () => {
  const golden = await joined({ fleet: "golden", hostname: "golden-1" });
  const clone = new BareHost(coordinator, { key: golden.key, hostname: "golden-2" });
  clone.credential = golden.credential;
  // One of them has to prove the key, as the other's credential was replaced: that tells them apart no more.
  const asks = async (host: BareHost) => {
    const { status } = await host.sync();
    if (status === 401) await host.enroll({ kind: "key", ...host.key.prove(Date.now()) });
  };
  await waitFor("the cordon", async () => {
    await asks(golden);
    await asks(clone);
    return (await instanceOf(golden))?.closed != null;
  });
  const closed = (await instanceOf(golden))?.closed;
  for (const host of [golden, clone])
    expect(closed).toContain(`${host.inventory.hostname} (boot ${host.bootId})`);
  const resources = { cpu: "1..", memory: "1GB..", disk: null };
  const configuration = {
    ...{ type: "task", image: "busybox", commands: ["true"], resources },
    fleets: ["golden"],
  };
  const run_spec = { run_name: "nowhere", configuration };
  const plan = { run_spec, current_resource: null };
  await coordinator.post(`${P}/runs/apply`, { plan, force: false });
  for (const host of [golden, clone]) {
    await asks(host);
    expect((await host.sync()).body).toMatchObject({ desired: [] });
  }
});

test("the key of a host is its own: one of another length, or none, is refused", async () => {
  const host = new BareHost(coordinator, { key: newHostKey() });
  for (const key of ["", "????", Buffer.alloc(31).toString("base64"), host.key.publicKey.slice(4)])
    expect((await host.enroll({ kind: "join", token, key: host.key.prove(Date.now()) }, key)).status).toBe(
      401,
    );
});
