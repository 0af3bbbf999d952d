type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that `fetch` takes: by scheme, unless the host is in NO_PROXY (its own name, or a domain it is in). For what
 * does not look for itself, as WebSockets do not.
 */
export const proxyFor = (url: string, env: Env): string | undefined => {
  const { protocol, hostname } = new URL(url);
  const scheme = protocol === "https:" || protocol === "wss:" ? "https" : "http";
  const proxy = env[`${scheme}_proxy`] || env[`${scheme.toUpperCase()}_PROXY`];
  if (!proxy) return undefined;
  const without = (env["no_proxy"] || env["NO_PROXY"] || "")
    .split(",")
    .map((entry) => entry.trim().replace(/^\*?\./, ""));
  const isPast = without.some(
    (entry) => entry !== "" && (entry === "*" || hostname === entry || hostname.endsWith(`.${entry}`)),
  );
  return isPast ? undefined : proxy;
};
