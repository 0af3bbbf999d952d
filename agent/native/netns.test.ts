import { expect, test } from "bun:test";
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
