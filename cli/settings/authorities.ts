import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import { fetchAuthority, readAuthorities } from "../../shared/tls/authorities.ts";
import { splitPem } from "../../shared/tls/fingerprint.ts";
import type { Context } from "../context.ts";

/** For `fetch` and WebSockets; undefined: the authorities of the system, and those in NODE_EXTRA_CA_CERTS. */
export type ServerTls = { readonly ca: string[] } | undefined;

/**
 * Where the authorities of a server are kept that the system does not know. Not in config.yml, as the stock client
 * refuses what it does not know there; it can be pointed at this file by REQUESTS_CA_BUNDLE.
 */
export const authoritiesPath = (home: string, url: string): string =>
  join(home, ".dstack", "authorities", `${new URL(url).host.replace(/[^A-Za-z0-9.-]/g, "_")}.pem`);

/** By which authorities the server is known: those in DSTACK_CA_FILE, or those kept for it, in place of the system's. */
export const tlsFor = ({ env, home }: Pick<Context, "env" | "home">, url: string): ServerTls => {
  if (!url.startsWith("https:")) return undefined;
  const file = env["DSTACK_CA_FILE"];
  if (file) return { ca: readAuthorities(file) };
  try {
    return { ca: splitPem(readFileSync(authoritiesPath(home, url), "utf8")) };
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError("invalid", `Cannot read ${authoritiesPath(home, url)}: ${messageOf(err)}`, {
      cause: err,
    });
  }
};

/** From now on this client knows the server by them. */
export const keepAuthorities = (home: string, url: string, authorities: readonly string[]): void => {
  const path = authoritiesPath(home, url);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.${process.pid}.tmp`, authorities.join(""), { mode: 0o600 });
    renameSync(`${path}.${process.pid}.tmp`, path);
  } catch (cause) {
    throw new AppError("unavailable", `Cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
};

/** What to do about a server whose authority is not known. */
export const HOW_TO_TRUST =
  "If it is a coordinator with a certificate of its own: dstack project add … --fingerprint FINGERPRINT, which `dstack server` prints; an authority of your own: --ca-file FILE";

const PATIENCE_MS = 10_000;

/** The server's authority that somebody has named by its fingerprint. Throws `forbidden` where somebody else answers. */
export const findAuthority = async (url: string, fingerprint: string): Promise<string> => {
  const authority = await fetchAuthority(url, fingerprint, AbortSignal.timeout(PATIENCE_MS));
  if (authority !== undefined) return authority;
  throw new AppError("forbidden", `The server at ${url} has no authority with this fingerprint`, {
    hint: "Compare it with what `dstack server` printed. If it is right, somebody is between this machine and the server",
  });
};
