import ssh2 from "ssh2";
import { z } from "zod";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";
import type { SshLogin } from "../domain/tunnels/findLogin.ts";
import type { Holder } from "../relay/holder.ts";
import type { Relay } from "../relay/relay.ts";
import { Leg } from "./packets.ts";

export interface Wanted {
  login: SshLogin;
  /** Whose stream it is. */
  holder: Holder;
  /** Unix user; null: the job's own. */
  user: string | null;
}

/** What the agent accepts a stream with (docs/protocol/tunnel.md). */
const Accepted = z.object({ host_key: z.string() });

const READY_MS = 10_000;

/**
 * Of both legs. Compression is the client's and the agent's to do without: it would be undone and done again here. Exchanges of
 * keys are those that cost little, for whoever has not logged in may ask for one: no large groups of Diffie and Hellman.
 */
export const ALGORITHMS: ssh2.Algorithms = {
  compress: ["none"],
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "diffie-hellman-group14-sha256",
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
};

/**
 * Logs in at the SSH server that the agent is for a job, with a key of this one connection. The server is known by the key
 * that the agent names over its own link. Rejects with a sentence for people.
 */
export const openAgentLeg = async (
  { relay, budget }: { relay: Pick<Relay, "open">; budget: WindowBudget },
  { login, holder, user }: Wanted,
): Promise<Leg> => {
  const pair = newKeyPair();
  const to = { kind: "ssh" as const, keys: [pair.public], user };
  const { submissionId, instanceId, run, jobName } = login;
  const request = { submission_id: submissionId, to };
  const stream = await relay.open(holder, { instanceId, request, run, jobName });
  let hostKey: string | undefined;
  const transport = new StreamDuplex(stream, {
    budget,
    accepted: (answer) => {
      hostKey = Accepted.safeParse(answer).data?.host_key;
    },
  });
  // Each channel that waits for room listens.
  transport.setMaxListeners(0);
  const connection = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  connection.once("ready", resolve);
  // Also afterwards: what breaks then closes the transport, which is what is waited for.
  connection.on("error", reject);
  connection.once("close", () => reject(new Error("The host has closed the connection")));
  connection.connect({
    sock: transport,
    username: "job",
    privateKey: pair.private,
    hostVerifier: (key: Buffer) => hostKey === `ssh-ed25519 ${key.toString("base64")}`,
    algorithms: ALGORITHMS,
    readyTimeout: READY_MS,
    ident: "dstack",
  });
  const leg = new Leg(connection, transport);
  try {
    await promise;
    return leg;
  } catch (err) {
    transport.destroy();
    throw err;
  }
};
