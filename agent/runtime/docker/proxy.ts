const NAMES = ["http_proxy", "https_proxy", "no_proxy"];

/** What containers get of the agent's own environment (docs/spec/agent.md §2.4). */
export const proxySettings = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    NAMES.flatMap((name) => [name, name.toUpperCase()]).flatMap((name) => {
      const value = env[name];
      return value ? [[name, value]] : [];
    }),
  );
