/** Below those that a system gives to whoever dials out: none of them is taken by a connection a moment later. */
const [FIRST, LAST] = [20_000, 32_000];

const given = new Set<number>();

/** A port that is free now, for a program that must be told one and cannot choose and say it; each is given once. */
export const freePort = async (hostname = "127.0.0.1"): Promise<number> => {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port)) continue;
    try {
      Bun.listen({ hostname, port, socket: { data: () => {} } }).stop(true);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw err;
    }
    given.add(port);
    return port;
  }
};
