import { AppError, messageOf } from "../../../shared/errors.ts";

const PATH = "/.well-known/acme-challenge/";

/** Where the CA looks whether a name leads here (RFC 8555 §8.3). Listens only while something is being proven. */
export interface ChallengePort extends AsyncDisposable {
  /** What is found under a token, until it is disposed. */
  answer(token: string, text: string): Disposable;
}

export interface ChallengePortOptions {
  /** Those to try, the first that can be had is taken. */
  hosts: readonly string[];
  port: number;
}

/** Throws `unavailable` where the port cannot be had. */
export const openChallengePort = ({ hosts, port }: ChallengePortOptions): ChallengePort => {
  const answers = new Map<string, string>();
  const fetch = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    const found = pathname.startsWith(PATH) ? answers.get(pathname.slice(PATH.length)) : undefined;
    return found === undefined
      ? new Response("Not found\n", { status: 404 })
      : new Response(found, { headers: { "content-type": "application/octet-stream" } });
  };
  const server = listenOnFirst(hosts, (hostname) =>
    Bun.serve({ hostname, port, fetch, idleTimeout: 10, maxRequestBodySize: 0 }),
  );
  return {
    answer: (token, text) => {
      answers.set(token, text);
      return { [Symbol.dispose]: () => void answers.delete(token) };
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  function listenOnFirst(all: readonly string[], serve: (host: string) => Bun.Server<undefined>) {
    let last: unknown;
    for (const host of all) {
      try {
        return serve(host);
      } catch (err) {
        last = err;
      }
    }
    throw new AppError(
      "unavailable",
      `Cannot listen on port ${port}, where the CA looks: ${messageOf(last)}`,
      {
        cause: last,
        hint: "Stop what uses it; or let this program have it (AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit); or name another with --acme-http-port, to which port 80 is passed on",
      },
    );
  }
};
