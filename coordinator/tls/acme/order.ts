import { isIP } from "node:net";
import { z } from "zod";
import { delay } from "../../../shared/async/delay.ts";
import { AppError } from "../../../shared/errors.ts";
import { makeRequest } from "../../../shared/tls/certificates.ts";
import type { CaClient } from "./caClient.ts";
import type { ChallengePort } from "./challengePort.ts";
import { CaRefusal, Problem } from "./problem.ts";

const State = z.enum([
  "pending",
  "ready",
  "processing",
  "valid",
  "invalid",
  "deactivated",
  "expired",
  "revoked",
]);

/** RFC 8555 §7.1.3. */
const Order = z.object({
  status: State,
  authorizations: z.array(z.url()).max(200),
  finalize: z.url(),
  certificate: z.url().optional(),
  error: Problem.optional(),
});

/** §7.1.4, §8. */
const Authorization = z.object({
  status: State,
  identifier: z.object({ value: z.string().max(300) }),
  challenges: z
    .array(
      z.object({
        type: z.string(),
        url: z.url(),
        // It becomes part of a path here: of base64url alone, as §8.3 says.
        token: z
          .string()
          .regex(/^[\w-]{1,300}$/)
          .optional(),
        error: Problem.optional(),
      }),
    )
    .max(50),
});

/** A CA that has not decided by then is not going to. */
const PATIENCE_MS = 180_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

export interface Wanted {
  /** Host names and addresses. */
  names: readonly string[];
  /** The certificate's key, in PEM. */
  key: string;
  email: string | undefined;
  signal: AbortSignal;
}

/** Has the CA certify the names (RFC 8555 §7.4): answers the chain in PEM, the certificate first. */
export const orderCertificate = async (
  ca: CaClient,
  port: ChallengePort,
  { names, key, email, signal }: Wanted,
): Promise<string> => {
  const action = `certify ${names.join(", ")}`;
  const { newAccount, newOrder } = await ca.directory(signal);
  // Who has an account by this key is answered with it (§7.3).
  const externalAccountBinding = await ca.externalAccountBinding(newAccount);
  const { location: account } = await ca.post(newAccount, {
    action: "open an account",
    payload: {
      termsOfServiceAgreed: true,
      ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
      ...(externalAccountBinding ? { externalAccountBinding } : {}),
    },
    asNobody: true,
    signal,
  });
  ca.account = account;
  const identifiers = names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
  const { body: order, location: orderUrl } = await ca.postJson(newOrder, Order, {
    action,
    payload: { identifiers },
    signal,
  });
  if (orderUrl === undefined) throw new AppError("unavailable", "The CA does not say where its order is");
  for (const url of order.authorizations) await authorize({ ca, port, url, signal });
  const request = await makeRequest({ names, key });
  // Not ready at once, perhaps, though all of it is proven.
  await settle(() => ca.postJson(orderUrl, Order, { action, signal }), { isOver: isNot("pending"), signal });
  await ca.post(order.finalize, { action, payload: { csr: request.toString("base64url") }, signal });
  const { body: done } = await settle(() => ca.postJson(orderUrl, Order, { action, signal }), {
    isOver: isNot("processing", "ready"),
    signal,
  });
  if (done.status !== "valid" || done.certificate === undefined)
    throw new CaRefusal(done.error ?? { type: done.status, detail: "", subproblems: undefined }, { action });
  const { text } = await ca.post(done.certificate, { action, signal });
  return text;
};

interface Authorizing {
  ca: CaClient;
  port: ChallengePort;
  url: string;
  signal: AbortSignal;
}

/** Proves one name over HTTP (§8.3), unless it was proven lately. */
const authorize = async ({ ca, port, url, signal }: Authorizing): Promise<void> => {
  const look = () => ca.postJson(url, Authorization, { action: "say what it wants to see", signal });
  const { body: asked } = await look();
  if (asked.status === "valid") return;
  const { value: name } = asked.identifier;
  const challenge = asked.challenges.find(({ type }) => type === "http-01");
  if (challenge?.token === undefined)
    throw new AppError("unsupported", `The CA does not prove ${name} over HTTP, as this coordinator can`, {
      hint: "Certify it by another program, and give the files with --tls-cert and --tls-key",
    });
  using _answer = port.answer(challenge.token, await ca.keyAuthorization(challenge.token));
  const action = `certify ${name}`;
  await ca.post(challenge.url, { action, payload: {}, signal });
  const { body: proven } = await settle(look, { isOver: isNot("pending"), signal });
  if (proven.status === "valid") return;
  const said = proven.challenges.find(({ error }) => error)?.error;
  throw new CaRefusal(said ?? { type: proven.status, detail: "", subproblems: undefined }, { action });
};

type State = z.output<typeof State>;

const isNot =
  (...states: State[]) =>
  (state: State): boolean =>
    !states.includes(state);

interface Settling {
  isOver: (state: State) => boolean;
  signal: AbortSignal;
}

/** Asks again, ever less often and as the CA says, until it has decided. */
const settle = async <A extends { body: { status: State }; retryAfterMs: number | undefined }>(
  look: () => Promise<A>,
  { isOver, signal }: Settling,
): Promise<A> => {
  let pauseMs = FIRST_PAUSE_MS;
  for (let waitedMs = 0; ; ) {
    const answer = await look();
    if (isOver(answer.body.status)) return answer;
    const waitMs = Math.max(pauseMs, answer.retryAfterMs ?? 0);
    waitedMs += waitMs;
    if (waitedMs > PATIENCE_MS)
      throw new AppError("unavailable", `The CA has not decided within ${PATIENCE_MS / 1000} s`);
    await delay(waitMs, signal);
    signal.throwIfAborted();
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
};
