import { createPublicKey } from "node:crypto";
import { calculateJwkThumbprint, FlattenedSign, importPKCS8, type JWK } from "jose";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { AppError, messageOf } from "../../../shared/errors.ts";
import { tlsReason } from "../../../shared/tls/reason.ts";
import { VERSION } from "../../../shared/version.ts";
import { CaRefusal, Problem } from "./problem.ts";

const TIMEOUT_MS = 30_000;
/** A CA may refuse any nonce, and gives another one with the refusal (RFC 8555 §6.5). */
const MOST_NONCES = 10;
const MOST_ANSWER_BYTES = 1024 * 1024;
/** Longer waits that a CA asks for are not believed. */
const LONGEST_RETRY_MS = 7 * 24 * 3_600_000;

const Directory = z.object({
  newNonce: z.url(),
  newAccount: z.url(),
  newOrder: z.url(),
  meta: z
    .object({ termsOfService: z.string().max(500).optional() })
    .optional()
    .catch(undefined),
});
export type Directory = z.output<typeof Directory>;

/** What a CA gives those who have an account with it otherwise (RFC 8555 §7.3.4). */
export interface ExternalAccount {
  kid: string;
  /** As the CA shows it, in base64url. */
  hmacKey: string;
}

export interface CaClientOptions {
  directoryUrl: string;
  /** In PEM, P-256. */
  accountKey: string;
  /** By which the CA's own server is known; empty: those of the system. */
  authorities: readonly string[];
  /** An account that was made with the CA before, to which this one is to belong. */
  externalAccount: ExternalAccount | undefined;
  clock: Pick<Clock, "now">;
}

export interface CaAnswer {
  text: string;
  location: string | undefined;
  /** How long the CA asks to wait before it is asked for the same again. */
  retryAfterMs: number | undefined;
}

export interface CaCall {
  /** What is asked for, in an error for people: "certify pool.example". */
  action: string;
  /** Undefined: what is there is asked for (POST-as-GET). */
  payload?: unknown;
  /** Absent: by the account. */
  asNobody?: boolean;
  signal: AbortSignal;
}

/** One conversation with a CA (RFC 8555 §6 and §7.1): signed requests, nonces, and refusals as errors. */
export class CaClient {
  readonly #options: CaClientOptions;
  readonly #jwk: JWK;
  /** The account's address at the CA; set by whoever has made it. */
  account: string | undefined;
  #directory: Directory | undefined;
  #nonce: string | undefined;

  constructor(options: CaClientOptions) {
    this.#options = options;
    this.#jwk = createPublicKey(options.accountKey).export({ format: "jwk" }) as JWK;
  }

  async directory(signal: AbortSignal): Promise<Directory> {
    if (this.#directory) return this.#directory;
    const { directoryUrl } = this.#options;
    const answer = await this.#fetch(directoryUrl, { signal });
    const parsed = Directory.safeParse(parseJson(await textOf(answer)));
    if (!answer.ok || !parsed.success)
      throw new AppError(
        "unavailable",
        `${directoryUrl} does not answer as the directory of an ACME CA does (status ${answer.status})`,
        { hint: "Correct the address in --acme-directory" },
      );
    this.#directory = parsed.data;
    return parsed.data;
  }

  /** What the CA is to find under a challenge's address (§8.1). */
  async keyAuthorization(token: string): Promise<string> {
    return `${token}.${await calculateJwkThumbprint(this.#jwk)}`;
  }

  /** Throws `CaRefusal` where the CA says no, and `unavailable` where it is not there. */
  async post(url: string, call: CaCall): Promise<CaAnswer> {
    for (let left = MOST_NONCES; ; left -= 1) {
      const answer = await this.#fetch(url, {
        method: "POST",
        headers: { "content-type": "application/jose+json" },
        body: JSON.stringify(await this.#sign(url, call)),
        signal: call.signal,
      });
      this.#nonce = answer.headers.get("replay-nonce") ?? undefined;
      const text = await textOf(answer);
      const retryAfterMs = readRetryAfter(answer.headers.get("retry-after"), this.#options.clock.now());
      if (answer.ok) return { text, location: answer.headers.get("location") ?? undefined, retryAfterMs };
      const said = Problem.safeParse(parseJson(text));
      const refusal = new CaRefusal(
        said.success ? said.data : { type: `status ${answer.status}`, detail: "", subproblems: undefined },
        {
          action: call.action,
          retryAt: retryAfterMs === undefined ? undefined : this.#options.clock.now() + retryAfterMs,
        },
      );
      if (refusal.problem !== "badNonce" || left === 0) throw refusal;
    }
  }

  /** The same for an answer in JSON. */
  async postJson<S extends z.ZodType>(
    url: string,
    schema: S,
    call: CaCall,
  ): Promise<CaAnswer & { body: z.output<S> }> {
    const answer = await this.post(url, call);
    const parsed = schema.safeParse(parseJson(answer.text));
    if (!parsed.success)
      throw new AppError(
        "unavailable",
        `The CA does not answer as RFC 8555 says at ${url}: ${parsed.error.message}`,
      );
    return { ...answer, body: parsed.data };
  }

  /** What `newAccount` is to carry, by which the CA sees whose account it is; undefined: nobody's. */
  async externalAccountBinding(newAccount: string) {
    const { externalAccount } = this.#options;
    if (!externalAccount) return undefined;
    const { kid, hmacKey } = externalAccount;
    return new FlattenedSign(new TextEncoder().encode(JSON.stringify(this.#jwk)))
      .setProtectedHeader({ alg: "HS256", kid, url: newAccount })
      .sign(Buffer.from(hmacKey, "base64url"));
  }

  async #sign(url: string, { payload, asNobody = false, signal }: CaCall) {
    const bytes =
      payload === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(payload));
    const who = asNobody ? { jwk: this.#jwk } : { kid: this.account ?? "" };
    const nonce = this.#nonce ?? (await this.#newNonce(signal));
    // Good for one request only.
    this.#nonce = undefined;
    return new FlattenedSign(bytes)
      .setProtectedHeader({ alg: "ES256", nonce, url, ...who })
      .sign(await importPKCS8(this.#options.accountKey, "ES256"));
  }

  async #newNonce(signal: AbortSignal): Promise<string> {
    const { newNonce } = await this.directory(signal);
    const answer = await this.#fetch(newNonce, { method: "HEAD", signal });
    const nonce = answer.headers.get("replay-nonce");
    if (nonce === null)
      throw new AppError("unavailable", `The CA at ${newNonce} gives no nonce (status ${answer.status})`);
    return nonce;
  }

  async #fetch(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    const { authorities } = this.#options;
    try {
      return await fetch(url, {
        ...init,
        headers: { "user-agent": `dstack/${VERSION}`, ...init.headers },
        redirect: "error",
        signal: AbortSignal.any([init.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        ...(authorities.length === 0 ? {} : { tls: { ca: [...authorities] } }),
      });
    } catch (cause) {
      init.signal.throwIfAborted();
      const code = String((cause as { code?: unknown } | null)?.code);
      const why = tlsReason(code, this.#options.clock.now()) ?? messageOf(cause);
      throw new AppError("unavailable", `Cannot reach the CA at ${new URL(url).origin}: ${why}`, {
        cause,
        hint: "Is there a way to it from here (HTTPS_PROXY is honoured)? An authority of your own for it: --acme-ca-file",
      });
    }
  }
}

const textOf = async (answer: Response): Promise<string> => (await answer.text()).slice(0, MOST_ANSWER_BYTES);

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Seconds, or a date (RFC 9110 §10.2.3). */
const readRetryAfter = (text: string | null, now: number): number | undefined => {
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_MS) : undefined;
};
