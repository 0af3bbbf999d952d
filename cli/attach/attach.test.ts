import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { startFakeServer } from "../testing/fakeServer.ts";
import { newPerson } from "../testing/runCli.ts";

/** Pauses between tries are a fiftieth of what they are; how long is waited for an answer is not. */
const hasty: Clock = {
  ...systemClock,
  after: (ms, fire) => systemClock.after(ms > 10_000 ? ms : ms / 50, fire),
};

const attach = async (url: string) => {
  const person = newPerson({
    clock: hasty,
    env: { DSTACK_SERVER_URL: url, DSTACK_TOKEN: "t", DSTACK_PROJECT: "main" },
  });
  await person.write(".dstack.yml", "type: task\nname: talker\ncommands: [echo]\n");
  const started = person.start(["apply", "-y"]);
  return { ...started, [Symbol.dispose]: () => person[Symbol.dispose]() };
};

const outputOf = (out: string) =>
  out.slice(out.indexOf("provisioning completed (running)\n") + "provisioning completed (running)\n".length);

describe("apply prints every byte once, and ends with the run,", () => {
  test("when nothing breaks", async () => {
    await using server = startFakeServer();
    using apply = await attach(server.url);
    server.become("running");
    server.log("one\n");
    await apply.waitForOut("one\n");
    server.log("two\n");
    server.become("done", 0);
    const { out, err, code } = await apply.finished;
    expect(outputOf(out)).toBe("one\ntwo\nExited (0)\n");
    expect([code, err]).toEqual([0, ""]);
    const paths = server.requests.map(({ path }) => path.split("/").slice(-2).join("/"));
    // The last three at the same time; the first line waits for four of them, a name for `ssh` for the third.
    expect(paths).toEqual(["runs/get_plan", "runs/apply", "users/get_my_user", "runs/watch", "logs/stream"]);
  });

  test("when the output breaks off again and again", async () => {
    await using server = startFakeServer({ logCuts: [3, 1, 7, 2] });
    using apply = await attach(server.url);
    server.become("running");
    server.log("0123456789abcdefghij\n");
    await apply.waitForOut("abcdefghij\n");
    server.log("end\n");
    server.become("done", 0);
    const { out, err, code } = await apply.finished;
    expect(outputOf(out)).toBe("0123456789abcdefghij\nend\nExited (0)\n");
    expect(err).toStartWith("Lost the connection to the server, reconnecting...\n");
    expect(code).toBe(0);
  });

  test("when the server gives more than was asked for", async () => {
    await using server = startFakeServer({ logCuts: [5], ignoresOffset: true });
    using apply = await attach(server.url);
    server.become("running");
    server.log("0123456789\n");
    await apply.waitForOut("9\n");
    server.become("done", 0);
    expect(outputOf((await apply.finished).out)).toBe("0123456789\nExited (0)\n");
  });

  test("when the news of the run break off", async () => {
    await using server = startFakeServer({ watchCuts: [1, 0, 1] });
    using apply = await attach(server.url);
    server.become("running");
    server.log("here\n");
    await apply.waitForOut("here\n");
    server.become("failed", 3);
    const { out, err, code } = await apply.finished;
    expect(outputOf(out)).toStartWith("here\nExited (1)\n");
    expect(err).toMatch(/^(Lost the connection to the server, reconnecting\.\.\.\nConnected again\n)+$/);
    expect(code).toBe(1);
  });

  test("when the job is tried again, which has an output of its own", async () => {
    await using server = startFakeServer();
    using apply = await attach(server.url);
    server.become("running");
    server.log("first attempt");
    await apply.waitForOut("first attempt");
    server.retry();
    server.become("running");
    server.log("second attempt\n");
    await apply.waitForOut("second attempt\n");
    server.become("done", 0);
    const { out, code } = await apply.finished;
    expect(outputOf(out).replaceAll(/^ .*\n/gm, "")).toBe(
      "first attempt\n\ntalker provisioning completed (running)\nsecond attempt\nExited (0)\n",
    );
    expect(code).toBe(0);
  });

  test("from a server that has no streams", async () => {
    await using server = startFakeServer({ isStock: true });
    using apply = await attach(server.url);
    server.become("running");
    for (const text of ["over ", "three ", "pages, ", "the last ", "not full\n"]) server.log(text);
    await apply.waitForOut("full\n");
    server.log("and more\n");
    server.become("done", 0);
    const { out, err, code } = await apply.finished;
    expect(outputOf(out)).toBe("over three pages, the last not full\nand more\nExited (0)\n");
    expect([code, err]).toEqual([0, ""]);
  });
});

describe("apply ends", () => {
  test("with the server's word, when access is taken away", async () => {
    await using server = startFakeServer({ refuseWatching: 403 });
    using apply = await attach(server.url);
    const { out, code } = await apply.finished;
    expect(out).toEndWith(
      `Access to ${server.url}/api/project/main/runs/watch is denied. Please check your access token\n`,
    );
    expect(code).toBe(1);
  });

  test("with the ending of a run that never ran", async () => {
    await using server = startFakeServer();
    using apply = await attach(server.url);
    server.become("terminated");
    const { out, code } = await apply.finished;
    expect(out).toContain("talker provisioning completed (terminated)\nStopped\n");
    expect(code).toBe(1);
  });

  test("at Ctrl-C while nothing is submitted yet, and that is no failure", async () => {
    const asked = Promise.withResolvers<void>();
    await using silent = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked.resolve();
        return new Promise<Response>(() => {});
      },
    });
    using apply = await attach(`http://127.0.0.1:${silent.port}`);
    await asked.promise;
    apply.interrupt();
    expect(await apply.finished).toEqual({
      code: 0,
      out: "Operation interrupted by user. Exiting...\n",
      err: "",
    });
    await silent.stop(true);
  });

  test("with a message, when the answer is not that of a dstack server", async () => {
    await using stranger = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<html>") });
    using apply = await attach(`http://127.0.0.1:${stranger.port}`);
    const { out, code } = await apply.finished;
    expect(out).toMatch(/^The answer of http:\S+ is not JSON/);
    expect(code).toBe(1);
    await using odd = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ run: 1 }) });
    using other = await attach(`http://127.0.0.1:${odd.port}`);
    expect((await other.finished).out).toMatch(
      /^Cannot understand the answer of \S+: expected text at project_name\n/,
    );
  });
});
