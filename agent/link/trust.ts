import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type TrustedAuthorities, trustDigest } from "../../shared/protocol/trust.ts";
import { fetchAuthority, readAuthorities } from "../../shared/tls/authorities.ts";

/** For `fetch` and WebSockets; undefined: the authorities that this host's system trusts, and NODE_EXTRA_CA_CERTS. */
export type LinkTls = { ca: string[] } | undefined;

export const SYSTEM_TRUST: TrustedAuthorities = { authorities: [], system: true };

/** `caFile`: what whoever runs the host trusts besides (DSTACK_CA_FILE). */
export const tlsOf = ({ authorities, system }: TrustedAuthorities, caFile: string | undefined): LinkTls => {
  const named = [...authorities, ...(caFile === undefined ? [] : readAuthorities(caFile))];
  if (named.length === 0) return undefined;
  // Named ones take the place of the system's, unless it was said that those are good as well.
  return { ca: system && authorities.length > 0 ? [...getCACertificates("default"), ...named] : named };
};

const FETCH_MS = 30_000;

/** What a host trusts that joins with a token which names an authority. Throws `forbidden` where somebody else answers. */
export const trustByToken = async (
  url: string,
  fingerprint: string,
  signal: AbortSignal,
): Promise<TrustedAuthorities> => {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]);
  const authority = await fetchAuthority(url, fingerprint, soon);
  if (authority !== undefined) return { authorities: [authority], system: false };
  throw new AppError("forbidden", `${url} is not the coordinator that this join token is of`, {
    hint: "Its certificate's authority has another fingerprint. Is the address right, and is the token of this coordinator? Otherwise somebody is between",
  });
};

export interface TrustKeeperDeps {
  url: string;
  caFile: string | undefined;
  current: () => TrustedAuthorities;
  keep: (trust: TrustedAuthorities) => void;
  log: Logger;
}

/** What the coordinator says that it is to be known by: taken over once it is reached that way. */
export class TrustKeeper {
  readonly #deps: TrustKeeperDeps;
  #tls: { digest: string; tls: LinkTls } | undefined;
  #refused: string | undefined;

  constructor(deps: TrustKeeperDeps) {
    this.#deps = deps;
  }

  get digest(): string {
    return trustDigest(this.#deps.current());
  }

  get tls(): LinkTls {
    const { current, caFile } = this.#deps;
    const { digest } = this;
    if (this.#tls?.digest !== digest) this.#tls = { digest, tls: tlsOf(current(), caFile) };
    return this.#tls.tls;
  }

  /** Of an answer of the coordinator; repeating it changes nothing. */
  async told(trust: TrustedAuthorities, signal: AbortSignal): Promise<void> {
    const { url, caFile, keep, log } = this.#deps;
    const digest = trustDigest(trust);
    if (digest === this.digest) return;
    try {
      for (const pem of trust.authorities) new X509Certificate(pem);
      const tls = tlsOf(trust, caFile);
      const answer = await fetch(`${url}/healthcheck`, {
        ...(tls ? { tls } : {}),
        // A connection that is there already was made by the earlier trust, and would show nothing.
        keepalive: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]),
      });
      await answer.arrayBuffer();
      keep(trust);
      log.info("The coordinator is known by other authorities from now on", {
        authorities: trust.authorities.length,
        system: trust.system,
      });
      this.#refused = undefined;
    } catch (err) {
      if (signal.aborted) return;
      if (this.#refused !== digest)
        log.warn("The coordinator names authorities that it cannot be reached by; the ones before stay", {
          reason: messageOf(err),
        });
      this.#refused = digest;
    }
  }
}
