/** A port that is free now, for a program that must be told one and cannot choose and say it. */
export const freePort = async (hostname = "127.0.0.1"): Promise<number> => {
  const probe = Bun.listen({ hostname, port: 0, socket: { data: () => {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
};
