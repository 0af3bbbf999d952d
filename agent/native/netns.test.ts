import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { connectIn } from "./netns.ts";

test("a connection that was refused stays so, however often one asks", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = server;
  server.stop(true);
  const all = connectIn(process.pid, port);
  if (all === "forbidden") throw new Error("The own network is never forbidden");
  await waitFor("the refusals", () => all.every((one) => one.state() === "failed"));
  expect(all.map((one) => one.state())).toEqual(all.map(() => "failed"));
  for (const one of all) one.close();
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

test("a service that listens at both loopbacks is called once", async () => {
  let calls = 0;
  const socket = { open: () => void calls++, data: () => {} };
  using own = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
  const { port } = own;
  using _other = hasIpv6 ? Bun.listen({ hostname: "::1", port, socket }) : undefined;
  const all = connectIn(process.pid, port);
  if (all === "forbidden") throw new Error("The own network is never forbidden");
  await waitFor("the call", () => calls > 0);
  expect([all.length, calls]).toEqual([1, 1]);
  for (const one of all) one.close();
});
