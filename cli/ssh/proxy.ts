import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { StreamDuplex } from "../../shared/tunnel/streamDuplex.ts";
import type { Api } from "../api/client.ts";
import type { Context } from "../context.ts";
import { ignoreInterrupts } from "../process/ignoreInterrupts.ts";
import { watchWake } from "../process/wake.ts";
import { JobLink } from "../tunnel/jobLink.ts";
import { hostKeyIn } from "./hostKeyIn.ts";

/** What OpenSSH speaks to: its standard input and output, as bytes. */
export interface Stdio {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. Rejects when nobody reads any longer. */
  write(bytes: Uint8Array): Promise<void>;
}

interface ProxiedJob {
  readonly submissionId: string;
  /** The Unix user to log in as; undefined: the job's own. */
  readonly user?: string | undefined;
}

interface Proxying {
  /** Asked for while the link is being dialled. */
  readonly target: Promise<ProxiedJob>;
  /** The job's host key is known, and nothing of the host has been passed on yet. */
  readonly onHostKey: (key: string) => void;
  readonly stdio: Stdio;
}

const BUDGET_BYTES = 32 * 1024 * 1024;
/** How long the job may take to end what has been ended here. */
const LINGER_MS = 1_000;

/**
 * Passes on what OpenSSH says to the SSH server of a job, and back, until one of them has ended. A broken connection to
 * the coordinator is replaced without either noticing. Throws why there is, or no longer is, a way.
 */
export const proxySsh = async (ctx: Context, api: Api, asked: Proxying): Promise<void> => {
  const { target, onHostKey, stdio } = asked;
  // It hears the Ctrl-C that is meant for what runs over it.
  using _ = ignoreInterrupts(ctx.interrupts);
  using link = new JobLink(ctx, api);
  link.begin({ lost: () => {}, over: () => {} });
  using _awake = watchWake({ clock: ctx.clock, url: api.connection.url }, () => link.renew());
  using _ended = ctx.onTermination(() => link[Symbol.dispose]());
  const { submissionId, user } = await target;
  link.follow(submissionId);
  await link.ready();
  const accepted = Promise.withResolvers<unknown>();
  const stream = new StreamDuplex(link.open({ kind: "ssh", ...(user === undefined ? {} : { user }) }), {
    budget: new WindowBudget(BUDGET_BYTES),
    accepted: (answer) => accepted.resolve(answer),
  });
  const closed = new Promise<never>((_resolve, reject) => {
    stream.once("error", reject);
  });
  closed.catch(() => {});
  try {
    const sending = send(stdio.input, stream);
    sending.catch(() => {});
    onHostKey(hostKeyIn(await Promise.race([accepted.promise, closed])));
    const receiving = receive(stream, stdio);
    receiving.catch(() => {});
    await Promise.race([receiving, closed, afterwards(ctx, sending)]);
  } finally {
    stream.destroy();
  }
};

const send = async (input: AsyncIterable<Uint8Array>, stream: StreamDuplex): Promise<void> => {
  for await (const bytes of input) {
    if (stream.destroyed) return;
    if (!stream.write(bytes))
      await new Promise((resolve) => stream.once("drain", resolve).once("close", resolve));
  }
  stream.end();
};

const receive = async (stream: StreamDuplex, { write }: Stdio): Promise<void> => {
  for await (const bytes of stream as AsyncIterable<Uint8Array>) {
    try {
      await write(bytes);
    } catch (err) {
      // OpenSSH has left.
      if ((err as NodeJS.ErrnoException).code === "EPIPE") return;
      throw err;
    }
  }
};

/** OpenSSH has said all; what the job still says is for nobody after a while. */
const afterwards = async (ctx: Context, sending: Promise<void>): Promise<void> => {
  await sending;
  const { promise, resolve } = Promise.withResolvers<void>();
  ctx.clock.after(LINGER_MS, resolve);
  await promise;
};
