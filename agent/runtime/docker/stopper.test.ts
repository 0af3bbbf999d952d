/** Against a terminal and an engine that are sockets of this test; the real ones are in scripts/e2e. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { silentLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { openDocker } from "./client.ts";
import { findStopNote, writeStopNote } from "./stopNote.ts";
import { createStopper } from "./stopper.ts";

const [CTRL_C, CTRL_D] = ["\x03", "\x04"];

/** A job's container. Each `agent` is another process of the agent, with the terminal that it has then. */
const openContainer = async () => {
  const dir = tempDir();
  const undo = new AsyncDisposableStack();
  undo.defer(() => dir[Symbol.dispose]());
  const kills: string[] = [];
  const engine = Bun.serve({
    unix: join(dir.path, "docker.sock"),
    fetch: ({ url }) => {
      kills.push(new URL(url).pathname);
      return new Response(null, { status: 204 });
    },
  });
  undo.defer(() => engine.stop(true));
  const sockets: Socket[] = [];
  const terminals = createServer((socket) => sockets.push(socket));
  const path = (name: string) => join(dir.path, name);
  const [terminalPath, notePath, spoolPath] = [path("terminal"), path("stop"), path("spool")];
  await new Promise<void>((resolve) => terminals.listen(terminalPath, resolve));
  undo.defer(() => void terminals.close());
  const docker = await openDocker(`unix://${dir.path}/docker.sock`);

  const agent = async () => {
    const terminal = createConnection(terminalPath);
    const shown = await waitFor("the terminal", () => sockets.shift());
    let typed = "";
    shown.on("data", (bytes) => {
      typed += bytes.toString();
    });
    const over = new AbortController();
    const stopper = createStopper({
      container: docker.getContainer("job"),
      terminal,
      over: over.signal,
      onKilled: () => {},
      log: silentLogger,
      notePath,
      spoolPath,
      echoMs: 200,
    });
    const end = () => {
      over.abort();
      terminal.destroy();
    };
    undo.defer(end);
    return { stopper, typed: () => typed, end };
  };
  /** Noted, and so known to the agent's next process. */
  const isInterrupted = () => findStopNote(notePath)?.interrupt === "typed";
  return {
    agent,
    kills,
    isInterrupted,
    notePath,
    spoolPath,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};

test("a stop interrupts once, then types the end of input until the job has ended", async () => {
  await using container = await openContainer();
  const { stopper, typed } = await container.agent();
  stopper.stop(60_000);
  stopper.stop(50_000);
  await waitFor("the end of input again", () => typed().length > 2);
  expect(typed().startsWith(CTRL_C + CTRL_D + CTRL_D)).toBe(true);
  expect(container.kills).toEqual([]);
});

test("an agent that starts again while a job is stopping does not interrupt it a second time", async () => {
  await using container = await openContainer();
  const first = await container.agent();
  first.stopper.stop(60_000);
  await waitFor("the interrupt", container.isInterrupted);
  first.end();

  const second = await container.agent();
  expect(second.stopper.wasAsked()).toBe(true);
  // As the coordinator does, which does not know how far it has come.
  second.stopper.stop(60_000);
  await waitFor("the end of input", () => second.typed() !== "");
  expect(second.typed()).not.toContain(CTRL_C);
});

test.each([
  ["shown by the terminal", "working\r\n^Ctidying up", CTRL_D],
  ["not seen", "working\r\n", CTRL_C],
])("an interrupt that an earlier agent was about to type, and that is %s", async (_, output, first) => {
  await using container = await openContainer();
  const spoolBytes = "^C of the job's own\r\n".length;
  writeFileSync(container.spoolPath, `^C of the job's own\r\n${output}`);
  writeStopNote(container.notePath, { killInMs: 60_000, interrupt: "due", spoolBytes });
  const { typed } = await container.agent();
  await waitFor("a key", () => typed() !== "");
  expect(typed()[0]).toBe(first);
});

test("an agent that starts again while a job is stopping kills it when its grace is over, and not later", async () => {
  await using container = await openContainer();
  const first = await container.agent();
  first.stopper.stop(700);
  await waitFor("the interrupt", container.isInterrupted);
  first.end();
  const second = await container.agent();
  second.stopper.stop(60_000);
  await waitFor("the kill", () => container.kills.length > 0);
  expect(container.kills).toEqual(["/containers/job/kill"]);
  expect(second.stopper.hasKilled()).toBe(true);
});

test("a grace longer than any timer is waited for, and not over at once", async () => {
  await using container = await openContainer();
  const { stopper, typed } = await container.agent();
  stopper.stop(2 ** 31);
  // Typed twice, half a second apart: a timer that overflows fires after a millisecond.
  await waitFor("the end of input again", () => typed().length > 2);
  expect(container.kills).toEqual([]);
});
