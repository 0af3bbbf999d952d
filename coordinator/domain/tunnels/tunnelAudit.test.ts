import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { FakeClock } from "../../../shared/testing/fakeClock.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Destination, Holder } from "../../relay/holder.ts";
import { openStore, type Store } from "../../store/db.ts";
import { eventTeller } from "../../store/events.ts";
import { listTold } from "../../testing/listTold.ts";
import { TunnelAudit } from "./tunnelAudit.ts";

const never = () => Promise.reject(new Error("not asked for here"));
const holder = (username: string): Holder => ({
  userId: `id of ${username}`,
  username,
  project: { id: "main", name: "main" },
  address: "10.0.0.7",
  check: never,
  find: never,
  recheck: never,
});
const destination = (port?: number): Destination => ({
  instanceId: "host",
  request: {
    submission_id: "attempt",
    to:
      port === undefined ? { kind: "ssh", keys: ["ssh-ed25519 SECRET"], user: null } : { kind: "port", port },
  },
  run: { id: "run", name: "web", project_id: "main" },
  jobName: "web-0-0",
});
const MOVED = { sentBytes: 10, receivedBytes: 2_000 };

let dir: ReturnType<typeof tempDir>;
let store: Store;
let clock: FakeClock;
let audit: TunnelAudit;
beforeEach(async () => {
  dir = tempDir();
  store = await openStore({ url: `file:${join(dir.path, "events.db")}` });
  clock = new FakeClock();
  const tell = eventTeller(store.db, clock, { ttlS: 1_000 });
  audit = new TunnelAudit({ db: store.db, tell, clock, log: silentLogger });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

test("a thousand short connections to a port are told of as one use of it, when it begins and when it is over", async () => {
  const ann = holder("ann");
  const linkClosed = audit.link(ann);
  for (let count = 0; count < 1_000; count += 1) {
    const closed = audit.stream(ann, destination(8080));
    clock.advance(100);
    closed(MOVED);
  }
  clock.advance(59_000);
  await waitFor("the beginning", async () => (await listTold(store.db)).length === 2);
  clock.advance(2_000);
  linkClosed();
  await audit.close();
  expect(await listTold(store.db)).toEqual([
    "[project main] Tunnel opened. From: 10.0.0.7",
    "[job web-0-0] Port 8080 opened. From: 10.0.0.7",
    "[job web-0-0] Port 8080 closed. From: 10.0.0.7. Lasted: 100s. Connections: 1000. Bytes: 10000 to the job, 2000000 from it",
    "[project main] Tunnel closed. From: 10.0.0.7. Lasted: 161s. Connections: 1000",
  ]);
});

test("shells and ports, and each person's, are told apart; what is open ends with its link", async () => {
  const [ann, bob] = [holder("ann"), holder("bob")];
  const closers = [audit.link(ann), audit.link(bob)];
  audit.stream(ann, destination());
  audit.stream(ann, destination(80));
  audit.stream(bob, destination(80));
  clock.advance(5_000);
  for (const close of closers) close();
  await audit.close();
  const told = await listTold(store.db);
  expect(told.filter((line) => line.includes("Port 80 opened"))).toHaveLength(2);
  expect(told.filter((line) => line.includes(" Shell "))).toEqual([
    "[job web-0-0] Shell opened. From: 10.0.0.7",
    "[job web-0-0] Shell closed. From: 10.0.0.7. Lasted: 5s. Connections: 1. Bytes: 0 to the job, 0 from it",
  ]);
  expect(told.join()).not.toContain("SECRET");
});

test("a stream without a link, of the coordinator's own, leaves nothing behind", async () => {
  const ann = holder("ann");
  const closed = audit.stream(ann, destination());
  clock.advance(3_000);
  closed(MOVED);
  clock.advance(60_000);
  await waitFor("its end", async () => (await listTold(store.db)).length === 2);
  expect((await listTold(store.db))[1]).toContain("Shell closed. From: 10.0.0.7. Lasted: 3s.");
});
