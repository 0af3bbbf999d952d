import { z } from "zod";

/** As people name users of an image; numbers are names, too. */
const UnixUser = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/, "is no name of a Unix user");

/** Where a stream is to lead, in the job's own network (docs/protocol/tunnel.md). */
const StreamTarget = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("port"), port: z.number().int().min(1).max(65_535) }),
  /** The SSH server that the agent is for this job; whom to log in as, where that is not the job's own user. */
  z.object({ kind: z.literal("ssh"), user: UnixUser.nullable().optional() }),
  /**
   * A ticket for the direct way (shared/protocol/direct.ts). The stream carries nothing else, and stays open for as long
   * as the ticket, or what came of it, is to be good.
   */
  z.object({ kind: z.literal("direct") }),
]);

export type StreamTarget = z.infer<typeof StreamTarget>;

/** What a client asks the coordinator for, or, over a direct link, the agent. */
export const ClientStreamRequest = z.object({ submission_id: z.uuid(), to: StreamTarget });
export type ClientStreamRequest = z.infer<typeof ClientStreamRequest>;

/** Who may log in by `ssh`. */
const Login = z.object({
  /** Public keys, in the form of `authorized_keys`, of which any may log in. */
  keys: z.array(z.string().max(16_000)).max(16),
  /** The Unix user to log in as; null: the job's own. */
  user: z.string().max(200).nullable(),
});

/** What the coordinator asks the agent for, once it knows that this may be. */
export const AgentStreamRequest = z.object({
  submission_id: z.uuid(),
  /** Whoever has the same of it shares a turn in the agent's link (shared/tunnel/turns.ts); older coordinators say nothing. */
  share: z.string().max(64).optional(),
  to: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("port"), port: z.number().int().min(1).max(65_535) }),
    Login.extend({ kind: z.literal("ssh") }),
    /** What the ticket is for. */
    z.object({
      kind: z.literal("direct"),
      ports: z.array(z.number().int().min(1).max(65_535)).max(1_000),
      login: Login,
    }),
  ]),
});
export type AgentStreamRequest = z.infer<typeof AgentStreamRequest>;

/** Why a stream is refused or breaks; `link_lost` is of the links themselves. */
export type StreamFailureCode =
  | "not_found"
  | "forbidden"
  | "refused"
  | "unavailable"
  | "too_many"
  | "aborted";

/** What stands behind the question mark when a link is dialled. */
export const LinkQuery = z.object({
  session: z.uuid(),
  received: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
});

/** The first message of the acceptor on every connection of a link. */
export const Hello = z.object({ received: z.number().int().nonnegative() });

/** Close codes of the WebSockets under a link. `CONNECTION_GIVEN_UP`: the link goes on over another one. */
export const LINK_CLOSED = 4400;
export const CONNECTION_GIVEN_UP = 4408;
export const SESSION_UNKNOWN = 4404;
