import { afterEach, beforeEach, expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { echoOf, HOST, open, RelayLab, SUBMISSION, sample } from "../testing/relayLab.ts";

let lab: RelayLab;
beforeEach(() => {
  lab = new RelayLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

test("the first stream makes the agent dial; what is written comes back whole, ends included", async () => {
  const client = lab.dial("/ada");
  const sent = sample(5_000_000);
  expect((await echoOf(open(client), sent)).equals(sent)).toBe(true);
  expect(lab.requests).toEqual([{ submission_id: SUBMISSION, to: { kind: "port", port: 80 } }]);
  expect(lab.relay.isWanted(HOST)).toBe(true);
  expect(lab.diallers).toHaveLength(2);
  expect(client.mux.size).toBe(0);
});

test("a stream of the coordinator's own goes to the agent", async () => {
  const request = { submission_id: SUBMISSION, to: { kind: "ssh" as const, keys: [], user: null } };
  const sent = sample(1_000_000);
  const run = { id: "run", name: "web", project_id: "main" };
  const stream = await lab.relay.open(lab.holder("ada"), {
    instanceId: HOST,
    request,
    run,
    jobName: "web-0-0",
  });
  expect((await echoOf(stream, sent)).equals(sent)).toBe(true);
  expect(lab.requests).toEqual([request]);
});

test("many streams of many clients at once do not mix", async () => {
  const clients = ["/ada", "/bob"].map((path) => lab.dial(path));
  const sent = Array.from({ length: 40 }, (_, at) => sample(20_000 + at * 1_000));
  const received = await Promise.all(
    sent.map((bytes, at) => echoOf(open(clients[at % 2] ?? lab.dial("/eve")), bytes)),
  );
  for (const [at, bytes] of sent.entries()) expect(received[at]?.equals(bytes)).toBe(true);
});

test("connections that are cut, again and again, cost nothing", async () => {
  const client = lab.dial("/ada");
  const sent = sample(20_000_000);
  let cuts = 0;
  const received = await echoOf(open(client), sent, (bytes) => {
    if (bytes > (cuts + 1) * 4_000_000) {
      cuts += 1;
      lab.cut();
    }
  });
  expect(cuts).toBeGreaterThanOrEqual(4);
  expect(received.equals(sent)).toBe(true);
}, 30_000);

test("a machine that wakes up takes another connection, and nothing is lost", async () => {
  const client = lab.dial("/ada");
  const sent = sample(8_000_000);
  let renewals = 0;
  const received = await echoOf(open(client), sent, (bytes) => {
    if (bytes <= (renewals + 1) * 2_000_000) return;
    renewals += 1;
    client.renew();
  });
  expect(renewals).toBeGreaterThanOrEqual(2);
  expect(received.equals(sent)).toBe(true);
}, 30_000);

test("whoever leaves has left: what was open ends at the host, and the link counts no longer", async () => {
  const client = lab.dial("/ada");
  const accepted = Promise.withResolvers<void>();
  open(client).handle({
    accepted: () => accepted.resolve(),
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: () => {},
  });
  await accepted.promise;
  const agent = lab.diallers.at(-1);
  expect(agent?.mux.size).toBe(1);
  client[Symbol.dispose]();
  await waitFor("the stream's end", () => agent?.mux.size === 0);
});

test("an agent is killed: what was open through it ends when its successor dials", async () => {
  lab.isAgentThere = false;
  const killed = new WebSocket(`${lab.url}/agent?session=${SUBMISSION}&received=0`);
  const frames: unknown[] = [];
  killed.onmessage = ({ data }) => frames.push(data);
  await waitFor("the greeting", () => frames.length > 0);
  const ended = echoOf(open(lab.dial("/ada")), sample(10)).catch(String);
  await waitFor("the stream at the agent", () => frames.length > 1);
  killed.terminate();
  // That of the client is left.
  await waitFor("the coordinator to notice", () => lab.sockets.size === 1);
  lab.isAgentThere = true;
  lab.agent();
  expect(await ended).toContain("link_lost");
});

test("what may not be had is refused with its reason; the link goes on", async () => {
  const client = lab.dial("/ada");
  const asked = client.mux.open({ anything: "else" });
  expect(echoOf(asked, sample(1))).rejects.toThrow("forbidden");
  await expect(echoOf(open(client, 1), sample(1))).rejects.toThrow("forbidden");
  expect((await echoOf(open(client), sample(10))).length).toBe(10);
});

test("a user who is dismissed loses what is open, and nobody else does", async () => {
  const [ada, bob] = [lab.dial("/ada"), lab.dial("/bob")];
  await waitFor("both links", () => ada.mux.isUp && bob.mux.isUp);
  const lost = new Promise<string | undefined>((resolve) => {
    open(ada).handle({
      accepted: () => {
        lab.revoked.set("ada", "Access was revoked");
        lab.relay.changed();
      },
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure) => resolve(failure?.message),
    });
  });
  expect(await lost).toBe("Access was revoked");
  expect(ada.mux.isClosed).toBe(true);
  expect(await echoOf(open(bob), sample(3_000_000))).toHaveLength(3_000_000);
});

test("nobody goes on with a session that is another's, or over, or text", async () => {
  const ada = lab.dial("/ada");
  await waitFor("the link", () => ada.mux.isUp);
  const closeOf = async (path: string, first?: string) => {
    const socket = new WebSocket(`${lab.url}${path}`);
    const closed = new Promise<number>((resolve) => {
      socket.onclose = ({ code }) => resolve(code);
    });
    socket.onopen = () => {
      if (first !== undefined) socket.send(first);
    };
    return closed;
  };
  const session = "5d8a7d0a-3a6f-4b54-8f6e-3c3e6f0a1b2c";
  expect(await closeOf(`/bob?session=${session}&received=1`)).toBe(4404);
  expect(await closeOf(`/bob?session=${session}&received=0`, "text")).toBe(1003);
  lab.relay.close();
  await waitFor("the link to end", () => ada.mux.isClosed);
});
