import { delay } from "../../../shared/async/delay.ts";
import { inTime } from "../../../shared/testing/inTime.ts";
import { JOB_PORTS } from "./jobSide.ts";

/** One of the ways to a job's ports, by what a client of this machine dials for a port of the job. */
export interface Way {
  readonly name: string;
  readonly hostname: string;
  readonly port: (remote: number) => number;
}

/** No figure of ours needs longer; a way that gives nothing is told as such. */
const PATIENCE_MS = 30_000;

const within = <T>(what: string, promise: Promise<T>): Promise<T> => inTime(what, promise, PATIENCE_MS);

/** Takes all that a job sends until it is disposed. */
export const openDownload = async ({ hostname, port }: Way) => {
  let bytes = 0;
  const socket = await Bun.connect({
    hostname,
    port: port(JOB_PORTS.source),
    socket: {
      data: (_socket, piece) => {
        bytes += piece.length;
      },
    },
  });
  return {
    get bytes() {
      return bytes;
    },
    /** From now on nothing is taken. */
    stall: () => void socket.pause(),
    [Symbol.dispose]: () => socket.terminate(),
  };
};

/** MB a second of one stream, once it has found its pace, and how much came in all. */
export const measureSpeed = async (
  way: Way,
  { warmUpMs, ms, whileItRuns = () => {} }: { warmUpMs: number; ms: number; whileItRuns?: () => void },
): Promise<{ speed: number; bytes: number }> => {
  using download = await openDownload(way);
  const watching = setInterval(whileItRuns, 50);
  try {
    await delay(warmUpMs);
    const [before, startedAt] = [download.bytes, performance.now()];
    await delay(ms);
    const speed = (download.bytes - before) / 1000 / (performance.now() - startedAt);
    return { speed, bytes: download.bytes };
  } finally {
    clearInterval(watching);
  }
};

/** A connection to the job's echo. */
const openEcho = async ({ name, hostname, port }: Way) => {
  let came = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname,
    port: port(JOB_PORTS.echo),
    socket: {
      data: () => came.resolve(),
      close: () => came.reject(new Error(`${name}: the connection was closed`)),
    },
  });
  return {
    /** Milliseconds until what was sent is here again. */
    ping: async (): Promise<number> => {
      came = Promise.withResolvers();
      const startedAt = performance.now();
      socket.write("x".repeat(64));
      await within(name, came.promise);
      return performance.now() - startedAt;
    },
    [Symbol.dispose]: () => {
      came.promise.catch(() => {});
      socket.terminate();
    },
  };
};

export const measureRoundTrips = async (way: Way, count: number): Promise<number[]> => {
  using echo = await openEcho(way);
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) times.push(await echo.ping());
  return times.slice(Math.floor(count / 10));
};

/** From the start of a connection to the first byte of the job: so many of them, or as many as there is time for. */
export const measureFirstBytes = async (
  { name, hostname, port }: Way,
  { count, mostMs }: { count: number; mostMs: number },
): Promise<number[]> => {
  const times: number[] = [];
  for (const until = performance.now() + mostMs; times.length < count && performance.now() < until; ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const startedAt = performance.now();
    const socket = await Bun.connect({
      hostname,
      port: port(JOB_PORTS.greeter),
      socket: { data: () => resolve() },
    });
    await within(name, promise);
    times.push(performance.now() - startedAt);
    socket.terminate();
  }
  return times.slice(Math.floor(times.length / 10));
};

/** Each of many streams asks now and then, while one more takes all that it can get. */
export const measureCrowd = async (
  way: Way,
  { streams, ms, everyMs }: { streams: number; ms: number; everyMs: number },
): Promise<{ times: number[]; greedy: number }> => {
  await using undo = new AsyncDisposableStack();
  const echoes = [];
  for (let at = 0; at < streams; at += 1) echoes.push(undo.use(await openEcho(way)));
  for (const echo of echoes) await echo.ping();
  const greedy = undo.use(await openDownload(way));
  await delay(1_000);
  const [before, startedAt, times] = [greedy.bytes, performance.now(), [] as number[]];
  await Promise.all(
    echoes.map(async ({ ping }) => {
      await delay(Math.random() * everyMs);
      while (performance.now() - startedAt < ms) {
        times.push(await ping());
        await delay(everyMs);
      }
    }),
  );
  return { times, greedy: (greedy.bytes - before) / 1000 / (performance.now() - startedAt) };
};
