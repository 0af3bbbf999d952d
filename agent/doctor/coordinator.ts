import { isIP } from "node:net";
import { connect } from "node:tls";
import { messageOf } from "../../shared/errors.ts";
import { proxyFor } from "../../shared/net/proxy.ts";
import { clockReason } from "../../shared/tls/clockReason.ts";
import { tlsReason } from "../../shared/tls/reason.ts";
import type { LinkTls } from "../link/trust.ts";
import { bad, type Finding, good, hint } from "./finding.ts";

type Env = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 10_000;
/** Proofs by the host's key are refused beyond ten minutes (coordinator/domain/instances/enroll.ts). */
const SKEW_BAD_S = 600;
const SKEW_HINT_S = 30;

/** Whether the coordinator answers, through which proxy, how its certificate is, and how far its clock is off ours. */
export const checkCoordinator = async (
  url: string,
  { env, now, tls: known }: { env: Env; now: () => number; tls: LinkTls },
): Promise<Finding[]> => {
  const proxy = proxyFor(url, env);
  const through = proxy === undefined ? "directly" : `through the proxy ${withoutPassword(proxy)}`;
  const tls =
    url.startsWith("https:") && proxy === undefined ? [await checkCertificate(new URL(url), known, now)] : [];
  const sentAt = now();
  try {
    const answer = await fetch(`${url}/healthcheck`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(known ? { tls: known } : {}),
    });
    const [text, receivedAt] = [await answer.text(), now()];
    if (!answer.ok || !text.includes("running"))
      return [
        ...tls,
        bad(
          "coordinator",
          `${url}, asked ${through}, answers with status ${answer.status}, and not as a coordinator does`,
          mendOf(url, proxy),
        ),
      ];
    const found = good("coordinator", `${url} answers ${through}, in ${receivedAt - sentAt} ms`);
    return [found, ...tls, checkClock(answer.headers.get("date"), (sentAt + receivedAt) / 2)];
  } catch (err) {
    return [
      bad(
        "coordinator",
        `${url} cannot be reached ${through}: ${await reasonOf(err, url, now)}`,
        mendOf(url, proxy),
      ),
      ...tls,
    ];
  }
};

const reasonOf = async (err: unknown, url: string, now: () => number): Promise<string> => {
  const code = String((err as { code?: unknown } | null)?.code);
  return (await clockReason(code, url, now)) ?? tlsReason(code, now()) ?? messageOf(err);
};

const mendOf = (url: string, proxy: string | undefined): string =>
  proxy === undefined
    ? `Is ${url} the coordinator, and does a firewall let this host out to it? Behind a proxy, set HTTPS_PROXY for the service`
    : `Does the proxy let this host reach ${url}? To go past it, add ${new URL(url).hostname} to NO_PROXY`;

const withoutPassword = (proxy: string): string => proxy.replace(/\/\/[^@/]*@/, "//…@");

/** HTTP's own clock has seconds (RFC 9110 §6.6.1). */
const checkClock = (date: string | null, now: number): Finding => {
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return good("clock", "the coordinator's answer has no date to compare with");
  const skew = Math.round((now - there) / 1000);
  const text = `${Math.abs(skew)} s ${skew < 0 ? "behind" : "ahead of"} the coordinator's`;
  const mend =
    "Set the clock of whichever host is wrong, for example with an NTP service (timedatectl set-ntp true)";
  if (Math.abs(skew) >= SKEW_BAD_S) return bad("clock", text, mend);
  return Math.abs(skew) >= SKEW_HINT_S ? hint("clock", text, mend) : good("clock", text);
};

const SOON_MS = 14 * 24 * 3_600_000;

const MENDS: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "Give the coordinator a certificate of a known authority, or name its own in NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN:
    "Name the authority's certificate in NODE_EXTRA_CA_CERTS or DSTACK_CA_FILE in the service's environment",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "Let the coordinator send the whole chain, or name the authority in NODE_EXTRA_CA_CERTS",
  CERT_NOT_YET_VALID: "Set this host's clock, for example with an NTP service (timedatectl set-ntp true)",
  CERT_HAS_EXPIRED: "Renew the coordinator's certificate, and see that this host's clock is right",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "Use the name that the certificate was made for, or have it made for this one too",
};

/** Where this host has been told of authorities, no other one is good. */
const NOT_OURS =
  "If the coordinator was set up anew, join this host again with a token of it; otherwise somebody is between";
const PINNED_MENDS: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_OURS,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_OURS,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_OURS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_OURS,
};

const checkCertificate = ({ hostname, port }: URL, known: LinkTls, now: () => number): Promise<Finding> =>
  new Promise((resolve) => {
    const name = hostname.replace(/^\[|\]$/g, "");
    const end = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    const socket = connect(
      {
        host: name,
        port: Number(port || 443),
        ...(isIP(name) === 0 ? { servername: name } : {}),
        timeout: TIMEOUT_MS,
        ...(known ? { ca: known.ca } : {}),
      },
      () => {
        const { issuer, valid_to: until } = socket.getPeerCertificate();
        const by = known ? "pinned here or named in DSTACK_CA_FILE" : "known to this system";
        const text = `${socket.getProtocol()}, certificate of ${issuer?.O ?? issuer?.CN ?? "an unknown authority"}, ${by}, until ${until}`;
        const isSoon = Date.parse(until) - now() < SOON_MS;
        end(
          isSoon
            ? hint("TLS", text, "Renew the coordinator's certificate before it expires")
            : good("TLS", text),
        );
      },
    );
    socket.on("error", (err: NodeJS.ErrnoException) =>
      end(
        bad(
          "TLS",
          tlsReason(err.code ?? "", now()) ?? messageOf(err),
          (known ? PINNED_MENDS : MENDS)[err.code ?? ""] ??
            MENDS[err.code ?? ""] ??
            "See that the address and the port speak TLS",
        ),
      ),
    );
    socket.on("timeout", () =>
      end(bad("TLS", "no answer in time", "See that the address and the port speak TLS")),
    );
  });
