import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { inTime } from "../../../shared/testing/inTime.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { startProgram } from "./program.ts";

/** A page in Chromium, driven by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface Page extends AsyncDisposable {
  /** The value of an expression in the page, or of its promise, once it is something. */
  waitForValue(what: string, expression: string, timeoutMs?: number): Promise<unknown>;
  /** Addresses of the WebSockets that the page has opened and something came over. */
  liveSockets(): readonly string[];
}

/** Of Chromium; it answers most calls at once, and one for a page when that has begun to come. */
const LONGEST_ANSWER_MS = 90_000;

interface Socket {
  address: string;
  /** Frames. */
  sent: number;
  received: number;
  isClosed: boolean;
}

const Message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** Debian's Chromium without a screen, with a profile of its own. */
export const openPage = async (url: string, dir: string): Promise<Page> => {
  mkdirSync(dir, { recursive: true });
  await using undo = new AsyncDisposableStack();
  const program = undo.use(
    startProgram({
      name: "chromium",
      command: [
        "chromium",
        "--headless=new",
        // As root it has no sandbox to go into.
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--window-size=1200,900",
        `--user-data-dir=${join(dir, "profile")}`,
        "--remote-debugging-port=0",
        "about:blank",
      ],
      logFile: join(dir, "chromium.log"),
      env: { HOME: dir, PATH: "/usr/bin:/bin", LANG: "C.UTF-8" },
      cwd: dir,
    }),
  );
  const [, browser = ""] = await program.waitForOutput(/DevTools listening on (ws:\S+)/);
  const tools = undo.use(await connect(browser));
  const { targetId } = await tools.call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await tools.call("Target.attachToTarget", { targetId, flatten: true });
  const call = (method: string, params: object = {}) => tools.call(method, params, String(sessionId));
  const sockets = new Map<unknown, Socket>();
  tools.on("Network.webSocketCreated", ({ requestId, url: address }) =>
    sockets.set(requestId, { address: String(address), sent: 0, received: 0, isClosed: false }),
  );
  const count = (event: string, note: (socket: Socket) => void) =>
    tools.on(`Network.webSocket${event}`, ({ requestId }) => {
      const socket = sockets.get(requestId);
      if (socket) note(socket);
    });
  count("FrameSent", (socket) => socket.sent++);
  count("FrameReceived", (socket) => socket.received++);
  count("Closed", (socket) => {
    socket.isClosed = true;
  });
  await call("Network.enable");
  await call("Page.enable");
  await call("Page.navigate", { url });

  const evaluate = async (expression: string): Promise<unknown> => {
    const { result } = await call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    return z.object({ value: z.unknown().optional() }).parse(result).value;
  };
  const waitForValue = async (what: string, expression: string, timeoutMs = 30_000) => {
    // A promise of the page's that nobody settles would be waited for without end.
    const look = async () => (await inTime(what, evaluate(expression), timeoutMs)) || undefined;
    return waitFor(what, look, timeoutMs).catch(async (cause: unknown) => {
      const text = await evaluate("document.body.innerText.slice(0, 2000)");
      const seen = JSON.stringify([...sockets.values()]);
      throw new Error(`${String(cause)}; the page says:\n${String(text)}\nWebSockets: ${seen}`, {
        cause,
      });
    });
  };
  const cleanUp = undo.move();
  return {
    waitForValue,
    liveSockets: () =>
      [...sockets.values()].filter(({ received }) => received > 0).map(({ address }) => address),
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};

type Answer = Record<string, unknown>;

const connect = async (url: string) => {
  const socket = new WebSocket(url);
  const asked = new Map<number, { resolve: (answer: Answer) => void; reject: (err: Error) => void }>();
  const listeners = new Map<string, (params: Answer) => void>();
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = () => {
    const err = new Error("Chromium has closed the connection");
    opened.reject(err);
    for (const { reject } of asked.values()) reject(err);
  };
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    const { id, method, params, result, error } = Message.parse(JSON.parse(data));
    if (method !== undefined) listeners.get(method)?.(params ?? {});
    const asker = id === undefined ? undefined : asked.get(id);
    if (id === undefined || !asker) return;
    asked.delete(id);
    if (error) asker.reject(new Error(error.message));
    else asker.resolve(result ?? {});
  };
  await opened.promise;
  let calls = 0;
  return {
    call: (method: string, params: object, sessionId?: string): Promise<Answer> => {
      calls += 1;
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      asked.set(calls, { resolve, reject });
      socket.send(JSON.stringify({ id: calls, method, params, ...(sessionId ? { sessionId } : {}) }));
      return inTime(method, promise, LONGEST_ANSWER_MS);
    },
    on: (method: string, listener: (params: Answer) => void) => void listeners.set(method, listener),
    [Symbol.dispose]: () => socket.close(),
  };
};
