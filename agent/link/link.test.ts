import { expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { enrollProofText } from "../../shared/protocol/enroll.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Journal } from "../jobs/journal.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { FakeCoordinator } from "../testing/fakeCoordinator.ts";
import { joinAs, joinFake, proveAs } from "../testing/joinFake.ts";
import { call } from "./client.ts";
import { findIdentity, keepHostKey, saveIdentity } from "./identity.ts";
import { Reporter } from "./report.ts";

const signal = new AbortController().signal;

test.each<[string, Parameters<typeof Object.assign>[0], string]>([
  ["a proxy's page", { status: 502 }, "unavailable"],
  ["a revoked credential", { isRevoked: true }, "unauthenticated"],
  ["a newer process", { isFenced: true }, "fenced"],
])("call() turns %s into a code", async (_, faults, code) => {
  await using coordinator = new FakeCoordinator();
  const link = await joinFake(coordinator);
  coordinator.faults = faults;
  await expect(call(link, { path: "/sync", json: {}, signal })).rejects.toMatchObject({ code });
});

test("call() says where nothing listens", async () => {
  const coordinator = new FakeCoordinator();
  const link = await joinFake(coordinator);
  await coordinator[Symbol.asyncDispose]();
  await expect(call(link, { path: "/sync", json: {}, signal })).rejects.toMatchObject({
    code: "unavailable",
    message: `Cannot reach the coordinator at ${link.url}: nothing listens there`,
  });
});

test("a wrong join token is refused, a host's key proves itself", async () => {
  await using coordinator = new FakeCoordinator();
  await expect(joinAs(coordinator, "wrong")).rejects.toMatchObject({ code: "unauthenticated" });
  const identity = await joinAs(coordinator);
  const renewed = await proveAs(identity);
  expect(renewed.credential.token).not.toBe(identity.credential.token);
  const { proof, public_key: publicKey } = coordinator.enrolled.at(-1) ?? {};
  if (proof?.kind !== "key" || !publicKey) throw new Error("no proof by key");
  const der = Buffer.concat([
    Buffer.from("302a300506032b6570032100", "hex"),
    Buffer.from(publicKey, "base64"),
  ]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const text = Buffer.from(enrollProofText(publicKey, proof.at));
  expect(verify(null, text, key, Buffer.from(proof.signature, "base64"))).toBe(true);
});

test("an identity is kept for its owner alone, and a damaged one is named", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const identity = await joinAs(coordinator);
  expect(findIdentity(dir.path)).toBeUndefined();
  saveIdentity(dir.path, identity);
  expect(findIdentity(dir.path)).toEqual(identity);
  expect(statSync(join(dir.path, "identity.json")).mode & 0o777).toBe(0o600);
  writeFileSync(join(dir.path, "identity.json"), "{");
  expect(() => findIdentity(dir.path)).toThrow(`Cannot read ${dir.path}/identity.json`);
});

test("who joins again because the answer was lost has the same key; who has joined needs none", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const key = keepHostKey(dir.path);
  expect(keepHostKey(dir.path)).toEqual(key);
  expect(statSync(join(dir.path, "joining.json")).mode & 0o777).toBe(0o600);
  saveIdentity(dir.path, { ...(await joinAs(coordinator)), ...key });
  expect(existsSync(join(dir.path, "joining.json"))).toBe(false);
});

test("Reporter sends what the journal holds, in order, after any outage and restart", async () => {
  await using coordinator = new FakeCoordinator();
  using dir = tempDir();
  const link = await joinFake(coordinator);
  using journal = Journal.open(join(dir.path, "journal.db"), silentLogger);
  const submission = coordinator.assign(anAssignment());
  const id = submission.assignment.submission_id;
  journal.add(submission.assignment, 0);
  const answers: string[] = [];
  const make = () =>
    new Reporter({
      link,
      journal,
      session: crypto.randomUUID(),
      log: silentLogger,
      onAnswer: (report, result) => answers.push(`${report.sequence} ${result}`),
    });
  const start = (reporter: Reporter) => {
    const stop = new AbortController();
    const done = reporter.run(stop.signal);
    return async () => {
      stop.abort();
      await done;
    };
  };

  coordinator.faults = { status: 503 };
  const before = make();
  const stopBefore = start(before);
  before.push(journal.note(id, { state: "preparing" }, { at: 1 }));
  for (const at of [2, 3, 4]) before.push(journal.note(id, { state: "pulling" }, { at }));
  await stopBefore();

  coordinator.faults = {};
  const after = make();
  after.push(journal.note(id, { state: "running" }, { at: 5 }));
  const stopAfter = start(after);
  await waitFor("all answers", () => answers.at(-1) === "5 applied");
  // Of a pull only the newest progress is told, or that and one that was under way already.
  expect(submission.reports.map((report) => report.fact.state).join(" ")).toMatch(
    /^preparing (pulling ){1,2}running$/,
  );
  expect(journal.listReports()).toEqual([]);
  after.push({ submission_id: crypto.randomUUID(), sequence: 1, at: 6, fact: { state: "preparing" } });
  await waitFor("a refusal", () => answers.at(-1) === "1 fenced");
  await stopAfter();
});

test("the agent goes through the proxy that its environment names", async () => {
  const asked: string[] = [];
  using proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      asked.push(request.url);
      return Response.json(
        { error: { code: "unauthenticated", message: "The join token is not known" } },
        { status: 401 },
      );
    },
  });
  using dir = tempDir();
  const main = join(import.meta.dir, "../main.ts");
  const args = [
    "join",
    "--url",
    "http://coordinator.invalid",
    "--runtime",
    "process",
    "--state-dir",
    dir.path,
  ];
  const child = Bun.spawn([process.execPath, main, ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      DSTACK_JOIN_TOKEN: "x",
    },
    stderr: "pipe",
  });
  expect(await new Response(child.stderr).text()).toBe("dstack-agent: The join token is not known\n");
  expect(await child.exited).toBe(1);
  expect(asked).toEqual(["http://coordinator.invalid/api/agent/enroll"]);
});
