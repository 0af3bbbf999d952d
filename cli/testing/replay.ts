import { join, resolve } from "node:path";

// testdata/golden/wire: what the stock client and the stock server said to each other (testdata/golden/README.md).

const WIRE = resolve(import.meta.dir, "../../testdata/golden/wire");

interface Exchange {
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly response: { readonly status: number; readonly body: unknown };
  readonly repeated?: number | null;
}

export interface RecordedCommand {
  readonly command: readonly string[];
  readonly exit_code: number;
  readonly stdout: unknown;
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly exchanges: readonly Exchange[];
}

/** The commands of one recording, in their order. */
export const readRecording = async (
  name: string,
  /** Of the recording's machine, and what there is instead. */
  instead: Readonly<Record<string, string>> = {},
): Promise<RecordedCommand[]> => {
  let text = await Bun.file(join(WIRE, `${name}.json`)).text();
  for (const [there, here] of Object.entries(instead)) text = text.replaceAll(there, here);
  const recording = JSON.parse(concrete(text)) as RecordedCommand & { commands?: RecordedCommand[] };
  return recording.commands ?? [recording];
};

const digit = (number: string) => number.padStart(12, "0");

/** Placeholders as values that a client accepts: the same one for the same placeholder. */
const concrete = (text: string): string =>
  text
    .replaceAll(/<uuid-(\d+)>/g, (_, number: string) => `00000000-0000-4000-8000-${digit(number)}`)
    .replaceAll(/<sha256-(\d+)>/g, (_, number: string) => number.padStart(64, "0"))
    .replaceAll(/"(<time>)"/g, '"2026-01-01T00:00:00.000000Z"')
    .replaceAll(/"<port-\d+>"/g, "10022");

/** A stock server that says again what it said: the answers to a path in their order, the last one as often as asked. */
export const startReplay = (exchanges: readonly Exchange[]) => {
  const left = Map.groupBy(exchanges, ({ request }) => request.path);
  const requests: { path: string; body: unknown }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const path = `${pathname}${search}`;
      const text = await request.text();
      const isJson = request.headers.get("content-type")?.startsWith("application/json");
      requests.push({ path, body: isJson ? JSON.parse(text) : null });
      const answers = left.get(path);
      const answer = answers && answers.length > 1 ? answers.shift() : answers?.[0];
      if (!answer) return Response.json({ detail: "Method Not Allowed" }, { status: 405 });
      return Response.json(answer.response.body, { status: answer.response.status });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};
