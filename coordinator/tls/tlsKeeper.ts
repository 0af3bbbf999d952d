import { X509Certificate } from "node:crypto";
import { Periodic } from "../../shared/async/periodic.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { trustDigest } from "../../shared/protocol/trust.ts";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";
import { type CertificateSource, type CoordinatorTrust, NO_TRUST } from "./tls.ts";

const LOOK_MS = 10_000;

interface KeeperDeps {
  clock: Clock;
  log: Logger;
}

interface TlsEvents {
  onCertificate: (certificate: KeyedCertificate) => void;
  onTrust: () => void;
}

/** What of the coordinator's TLS may change while it runs: its certificate, and what hosts are to know it by. */
export class TlsKeeper {
  readonly #deps: KeeperDeps;
  readonly #source: CertificateSource | undefined;
  #trust: CoordinatorTrust;
  #digest: string | undefined;
  #looking: Periodic | undefined;
  #said: string | undefined;

  /** `source` undefined: plain HTTP. */
  constructor(source: CertificateSource | undefined, deps: KeeperDeps) {
    this.#source = source;
    this.#deps = deps;
    this.#trust = NO_TRUST;
    this.#readTrust();
  }

  get certificate(): KeyedCertificate | undefined {
    return this.#source?.current;
  }

  get trust(): CoordinatorTrust {
    return this.#trust;
  }

  /** What an agent is to be told that says it has `digest`; undefined: nothing. */
  newsFor(digest: string | null | undefined): CoordinatorTrust["told"] {
    // One that says nothing is of a release that would not understand it.
    return typeof digest === "string" && digest !== this.#digest ? this.#trust.told : undefined;
  }

  /** Looks from now on; told of another certificate, and of other authorities that hosts are to know. */
  follow({ onCertificate, onTrust }: TlsEvents): void {
    const source = this.#source;
    if (!source) return;
    const { clock, log } = this.#deps;
    this.#looking = new Periodic({
      clock,
      everyMs: LOOK_MS,
      work: async (signal) => {
        const isAnother = await source.refresh(signal);
        const before = this.#digest;
        this.#readTrust();
        if (this.#digest !== before) onTrust();
        if (isAnother) onCertificate(source.current);
        this.#said = undefined;
      },
      failed: (err) => {
        const reason = messageOf(err);
        if (reason !== this.#said)
          log.warn("There is no new certificate that can be used; the one before stays", {
            reason,
            ...(err instanceof AppError && err.hint !== undefined ? { hint: err.hint } : {}),
            until: new X509Certificate(source.current.cert).validTo,
          });
        this.#said = reason;
      },
    });
  }

  async close(): Promise<void> {
    await this.#looking?.close();
  }

  #readTrust(): void {
    if (!this.#source) return;
    this.#trust = this.#source.trust;
    this.#digest = this.#trust.told && trustDigest(this.#trust.told);
  }
}
