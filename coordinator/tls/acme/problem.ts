import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";

/** RFC 8555 §6.7, RFC 7807. What a CA says is quoted to people, and never much of it. */
export const Problem = z.object({
  type: z.string().max(200).catch("about:blank"),
  detail: z.string().catch("").transform(clip),
  subproblems: z
    .array(
      z.object({
        detail: z.string().catch("").transform(clip),
        identifier: z
          .object({ value: z.string().max(300) })
          .optional()
          .catch(undefined),
      }),
    )
    .max(100)
    .optional()
    .catch(undefined),
});
export type Problem = z.output<typeof Problem>;

const MOST_WORDS = 600;

function clip(text: string): string {
  return text.length > MOST_WORDS ? `${text.slice(0, MOST_WORDS)}…` : text;
}

const PREFIX = "urn:ietf:params:acme:error:";

/** What the operator can do about it; `${…}` of the sentence is of the CA. */
const REMEDIES: Record<string, string> = {
  rateLimited:
    "The CA allows no more for now. Nothing is asked before its time; look for what asks too often, as several coordinators for one name",
  caa: "A CAA record of the domain allows other CAs only: add this one to it",
  dns: "The CA does not find the name: let its DNS records (A, and AAAA where there is one) lead to this machine",
  rejectedIdentifier: "This CA gives no certificate for such a name: name another with --acme-domain",
  unsupportedIdentifier: "This CA gives no certificate for such a name: name another with --acme-domain",
  invalidContact: "Correct the address in --acme-email, or leave it out",
  unsupportedContact: "Correct the address in --acme-email, or leave it out",
  externalAccountRequired:
    "This CA wants to know whose account it is: put what it shows of yours into DSTACK_SERVER_ACME_EAB_KID and DSTACK_SERVER_ACME_EAB_HMAC_KEY",
  userActionRequired: "The CA wants something of the account's holder first: see what it says",
  unauthorized:
    "The CA found somebody else under the name: let its DNS records (A, and AAAA where there is one) and port 80 lead to this machine",
  connection:
    "The CA could not connect to the name on port 80: let its DNS records (A, and AAAA where there is one) lead to this machine, and let port 80 through",
  incorrectResponse:
    "Something else answered on port 80 of the name: let it lead to this machine, and to the port in --acme-http-port",
  badNonce: "It is tried again by itself",
  serverInternal: "It is tried again by itself",
  accountDoesNotExist: "The CA has forgotten the account: it is made anew",
};

export interface RefusalOptions {
  /** What was asked for, as "certify pool.example". */
  action: string;
  /** Milliseconds since 1970; undefined: it does not say. */
  retryAt?: number | undefined;
}

/** The CA says no. `problem`: its word for it, as `rateLimited`. */
export class CaRefusal extends AppError {
  readonly problem: string;
  readonly retryAt: number | undefined;

  constructor(said: Problem, { action, retryAt }: RefusalOptions) {
    const word = said.type.startsWith(PREFIX) ? said.type.slice(PREFIX.length) : said.type;
    const parts = (said.subproblems ?? []).map(({ identifier, detail }) =>
      identifier ? `${identifier.value}: ${detail}` : detail,
    );
    const why = [said.detail, ...parts].filter((part) => part !== "").join("; ") || "it does not say why";
    const remedy = REMEDIES[word];
    super("unavailable", `The CA refuses to ${action} (${word}): ${why}`, {
      ...(remedy === undefined ? {} : { hint: remedy }),
    });
    this.problem = word;
    this.retryAt = retryAt;
  }
}
