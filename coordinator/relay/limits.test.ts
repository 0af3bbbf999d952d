import { expect, test } from "bun:test";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { Dialler } from "../../shared/tunnel/dialler.ts";
import { echoOf, open, RelayLab, sample } from "../testing/relayLab.ts";

/** Whether a stream was accepted, and is held; or what it was refused with. */
const hold = (client: Dialler): Promise<string> =>
  new Promise((resolve) => {
    open(client).handle({
      accepted: () => resolve("accepted"),
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure) => resolve(`${failure?.code}: ${failure?.message}`),
    });
  });

const holdAll = async (client: Dialler, count: number): Promise<Record<string, number>> => {
  const got = await Promise.all(Array.from({ length: count }, () => hold(client)));
  return Object.fromEntries([...Map.groupBy(got, (one) => one)].map(([name, all]) => [name, all.length]));
};

test("streams of a link, of a user, and of all are counted; each refusal says which", async () => {
  await using lab = new RelayLab({ limits: { streamsPerLink: 3, streamsPerUser: 5, streams: 7 } });
  expect(await holdAll(lab.dial("/ada"), 4)).toEqual({
    accepted: 3,
    "too_many: More than 3 streams at a time": 1,
  });
  const second = lab.dial("/ada");
  expect(await holdAll(second, 3)).toEqual({
    accepted: 2,
    "too_many: You have 5 connections open, which is all that one user may have": 1,
  });
  expect(await holdAll(lab.dial("/bob"), 3)).toEqual({
    accepted: 2,
    "too_many: The coordinator passes on 7 connections, which is all that it may": 1,
  });
});

test("what is over has its place free for others", async () => {
  await using lab = new RelayLab({ limits: { streamsPerUser: 1, streams: 2 } });
  const [ada, bob] = [lab.dial("/ada"), lab.dial("/bob")];
  for (let round = 0; round < 5; round += 1)
    for (const client of [ada, bob]) expect(await echoOf(open(client), sample(10))).toHaveLength(10);
  expect([await hold(ada), await hold(bob)]).toEqual(["accepted", "accepted"]);
  expect(await hold(ada)).toStartWith("too_many: You have 1 connections open");
});

test("links of a user, and of all, are counted; one that is dialled again is not one more", async () => {
  await using lab = new RelayLab({ limits: { linksPerUser: 2, links: 3 } });
  const first = [lab.dial("/ada"), lab.dial("/ada")];
  await waitFor("both", () => first.every(({ mux }) => mux.isUp));
  const statusOf = async (path: string) =>
    (await fetch(`${lab.url.replace("ws", "http")}${path}?session=${crypto.randomUUID()}&received=0`)).status;
  expect([await statusOf("/ada"), await statusOf("/bob")]).toEqual([429, 426]);
  const other = lab.dial("/bob");
  await waitFor("the third", () => other.mux.isUp);
  expect(await statusOf("/eve")).toBe(429);
  lab.cut();
  await waitFor("all again", () => [...first, other].every(({ mux }) => mux.isUp));
});

test("who opens connections too fast is told so, and may go on a moment later", async () => {
  await using lab = new RelayLab({ limits: { opensPerSecond: 10 } });
  const client = lab.dial("/ada");
  const got = await holdAll(client, 200);
  expect(got["too_many: More than 10 connections in a second"]).toBeGreaterThan(100);
  expect(got["accepted"]).toBeGreaterThanOrEqual(50);
  await waitFor("the next one", async () => (await hold(client)) === "accepted");
});
