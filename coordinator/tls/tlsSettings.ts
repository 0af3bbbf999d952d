import { isIP } from "node:net";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { isLoopback } from "../address.ts";

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

/** Names of a list in one variable, by spaces or commas. */
const names = (one: RegExp) =>
  z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((name) => name !== ""))
    .pipe(z.array(z.string().regex(one)).max(50));

/** The environment variables of the coordinator (config.ts) that say how others speak to it. */
export const TLS_VARIABLES = {
  /** Address under which clients and hosts reach the coordinator, where it is not `http://HOST:PORT`. */
  DSTACK_SERVER_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Plain HTTP also where others can listen in. */
  DSTACK_SERVER_ALLOW_HTTP: z
    .enum(["0", "1", "true", "false"])
    .transform((text) => text === "1" || text === "true")
    .default(false),
  /** `self-signed`: with a certificate by an authority of the coordinator's own; `acme`: by a CA that is asked for it. */
  DSTACK_SERVER_TLS: z.enum(["off", "self-signed", "acme"]).optional(),
  /** Names and addresses besides those that it finds, for a self-signed certificate. */
  DSTACK_SERVER_TLS_NAMES: names(/^[A-Za-z0-9.:*-]{1,253}$/),
  /** PEM files: a chain, the server's own first, and its key. They are read again when they change. */
  DSTACK_SERVER_TLS_CERT: z.string().min(1).optional(),
  DSTACK_SERVER_TLS_KEY: z.string().min(1).optional(),
  /** PEM file with the authorities that hosts are to know the coordinator by, the present one first. */
  DSTACK_SERVER_TLS_CA: z.string().min(1).optional(),
  /** Names and addresses that a CA is to certify; each has to lead to this machine. */
  DSTACK_SERVER_ACME_DOMAINS: names(/^[A-Za-z0-9.:-]{1,253}$/),
  /** Where the CA writes to when something is wrong. */
  DSTACK_SERVER_ACME_EMAIL: z.email().optional(),
  DSTACK_SERVER_ACME_DIRECTORY: z.url({ protocol: /^https$/ }).default(LETS_ENCRYPT),
  /** An account with the CA to which the coordinator's is to belong, where the CA wants one: what the CA shows of it. */
  DSTACK_SERVER_ACME_EAB_KID: z.string().min(1).max(300).optional(),
  DSTACK_SERVER_ACME_EAB_HMAC_KEY: z
    .string()
    .regex(/^[\w-]{16,1000}=*$/, "expected base64url, as the CA shows it")
    .optional(),
  /** PEM file with the authorities by which the CA's own server is known. */
  DSTACK_SERVER_ACME_CA: z.string().min(1).optional(),
  /** Where this machine gets what comes to port 80 of those names. */
  DSTACK_SERVER_ACME_HTTP_PORT: z.coerce.number().int().min(1).max(65_535).default(80),
};

const Settings = z.object({
  ...TLS_VARIABLES,
  DSTACK_SERVER_HOST: z.string(),
  DSTACK_SERVER_PORT: z.number(),
});
type Settings = z.output<typeof Settings>;

/** How clients and hosts speak to it. `none`: plain HTTP. */
export type TlsConfig =
  | { kind: "none" }
  | { kind: "own"; names: readonly string[]; caFile: string | undefined }
  | { kind: "given"; certFile: string; keyFile: string; caFile: string | undefined }
  | {
      kind: "acme";
      names: readonly string[];
      email: string | undefined;
      directoryUrl: string;
      externalAccount: { kid: string; hmacKey: string } | undefined;
      acmeCaFile: string | undefined;
      httpPort: number;
      caFile: string | undefined;
    };

/** Throws `invalid` where settings do not go together, or tokens would go where others can listen in. */
export const tlsConfigOf = (data: Settings): TlsConfig => {
  const tls = wayOf(data);
  requireSafe(tls, data);
  return tls;
};

/** Where others reach it, as far as that has been said: a name that a CA certifies is one that leads here. */
export const publicUrlOf = (data: Settings): string | undefined => {
  const { DSTACK_SERVER_URL: url, DSTACK_SERVER_TLS: way, DSTACK_SERVER_PORT: port } = data;
  if (url !== undefined) return url.replace(/\/+$/, "");
  const [first] = data.DSTACK_SERVER_ACME_DOMAINS;
  if (way !== "acme" || first === undefined || port === 0) return undefined;
  const host = isIP(first) === 6 ? `[${first}]` : first;
  return port === 443 ? `https://${host}` : `https://${host}:${port}`;
};

const wayOf = (data: Settings): TlsConfig => {
  const { DSTACK_SERVER_TLS: way, DSTACK_SERVER_TLS_CA: caFile } = data;
  const { DSTACK_SERVER_TLS_CERT: certFile, DSTACK_SERVER_TLS_KEY: keyFile } = data;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw refusal(
      `a certificate and its key belong together, and DSTACK_SERVER_TLS_${certFile === undefined ? "CERT" : "KEY"} is missing`,
    );
  if (certFile !== undefined && keyFile !== undefined) {
    if (way !== undefined) throw refusal(`a certificate is given, and DSTACK_SERVER_TLS says "${way}"`);
    return { kind: "given", certFile, keyFile, caFile };
  }
  if (way === "self-signed") return { kind: "own", names: data.DSTACK_SERVER_TLS_NAMES, caFile };
  return way === "acme" ? acmeOf(data) : { kind: "none" };
};

const acmeOf = (data: Settings): TlsConfig => {
  const { DSTACK_SERVER_ACME_DOMAINS: domains, DSTACK_SERVER_URL: url } = data;
  if (domains.length === 0)
    throw refusal("a CA certifies names, and none is given", "Name them with --acme-domain");
  const host = url === undefined ? undefined : new URL(url).hostname.replace(/^\[|\]$/g, "");
  if (host !== undefined && !domains.some((name) => name.toLowerCase() === host))
    throw refusal(
      `the address is ${url}, and the CA is asked for ${domains.join(", ")}`,
      `Add --acme-domain ${host}, or correct --url`,
    );
  const { DSTACK_SERVER_ACME_EAB_KID: kid, DSTACK_SERVER_ACME_EAB_HMAC_KEY: hmacKey } = data;
  if ((kid === undefined) !== (hmacKey === undefined))
    throw refusal(
      `an account with the CA is a name and a key, and DSTACK_SERVER_ACME_EAB_${kid === undefined ? "KID" : "HMAC_KEY"} is missing`,
    );
  return {
    kind: "acme",
    names: domains,
    email: data.DSTACK_SERVER_ACME_EMAIL,
    directoryUrl: data.DSTACK_SERVER_ACME_DIRECTORY,
    externalAccount: kid === undefined || hmacKey === undefined ? undefined : { kid, hmacKey },
    acmeCaFile: data.DSTACK_SERVER_ACME_CA,
    httpPort: data.DSTACK_SERVER_ACME_HTTP_PORT,
    caFile: data.DSTACK_SERVER_TLS_CA,
  };
};

/** Tokens and code are not sent where others can listen in, unless somebody has said so. */
const requireSafe = (tls: TlsConfig, data: Settings): void => {
  const { DSTACK_SERVER_HOST: host, DSTACK_SERVER_URL: url, DSTACK_SERVER_ALLOW_HTTP: allowed } = data;
  if (tls.kind !== "none" && url?.startsWith("http:"))
    throw refusal(`the address is ${url}, and the coordinator speaks TLS`, "Give the address with https://");
  if (tls.kind !== "none" || allowed || isLoopback(host)) return;
  throw refusal(
    `on ${host}, tokens would go over the network unencrypted`,
    [
      "Choose one:",
      "  --tls self-signed                   a certificate of its own, which hosts and clients pin",
      "  --tls acme --acme-domain NAME       a certificate by Let's Encrypt, or another CA that speaks ACME",
      "  --tls-cert FILE --tls-key FILE      a certificate that you have",
      "  --allow-http                        plain HTTP: TLS ends before it, or the network is trusted",
      "or leave --host at 127.0.0.1, with a proxy in front that speaks TLS.",
    ].join("\n"),
  );
};

const refusal = (what: string, hint?: string): AppError =>
  new AppError("invalid", `Cannot start: ${what}`, hint === undefined ? {} : { hint });
