import { expect, test } from "bun:test";
import { startFakeServer } from "../testing/fakeServer.ts";
import { newPerson } from "../testing/runCli.ts";

const openPerson = (url: string) =>
  newPerson({ env: { DSTACK_SERVER_URL: url, DSTACK_TOKEN: "t", DSTACK_PROJECT: "main" } });

test("logs: the latest attempt, each by its number, all of them; and -f goes on with the next", async () => {
  await using server = startFakeServer();
  using person = openPerson(server.url);
  server.become("running");
  server.log("first try\n");
  const following = person.start(["logs", "talker", "-f"]);
  await following.waitForOut("first try\n");
  server.retry();
  server.become("running");
  server.log("second try\n");
  await following.waitForOut("second try\n");
  server.become("done", 0);
  expect(await following.finished).toEqual({ code: 0, out: "first try\nsecond try\n", err: "" });
});

test.each([
  [[], "second\n"],
  [["--attempt", "0"], "first\n"],
  [["--attempt", "0", "-f"], "first\n"],
  [["--attempt", "1"], "second\n"],
  [["--attempt", "all"], "first\nsecond\n"],
  [["--attempt", "2"], ""],
])("logs %j", async (options, out) => {
  await using server = startFakeServer();
  using person = openPerson(server.url);
  server.become("running");
  server.log("first\n");
  server.retry();
  server.log("second\n");
  server.become("done", 0);
  expect(await person.run(["logs", "talker", ...options])).toEqual({ code: 0, out, err: "" });
});
