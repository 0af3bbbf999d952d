import type { Duplex } from "node:stream";
import type { Channel, Connection, SocketBindInfo } from "ssh2";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { JobShell } from "../runtime/shell.ts";
import { encodeFrame, FrameReader } from "../sockets/frames.ts";
import type { Channels } from "./channels.ts";
import { Outlet } from "./outlet.ts";
import { type SocketHelper, startSocketHelper } from "./socketHelper.ts";

export interface SocketDeps {
  shell: JobShell | undefined;
  /** Unix user; null: the job's own. */
  user: string | null;
  transport: Duplex;
  channels: Channels;
  log: Logger;
}

type OpenChannel = (opened: (err: Error | undefined, channel: Channel) => void) => void;

type Reply = (() => void) | undefined;

const CANCEL = "cancel-streamlocal-forward@openssh.com";
const FORWARDS = ["streamlocal-forward@openssh.com", CANCEL];
const MOST_LISTENERS = 16;
const LONGEST_PATH = 107;
// As the library has them for every other channel.
const [WINDOW_BYTES, PACKET_BYTES] = [2 * 1024 * 1024, 32 * 1024];

/**
 * Unix sockets of the job for the client (`ssh -L`), of the client for the job (`ssh -R`), and the client's key agent
 * (`ssh -A`). Each is reached by a process with the rights of the session's user (agent/sockets).
 */
export const serveSockets = (
  client: Connection,
  deps: SocketDeps,
): { agent: () => Promise<string | undefined> } => {
  const { shell, user, channels, transport, log } = deps;
  const listeners = new Map<string, SocketHelper>();
  client.on("openssh.streamlocal", (accept, reject, { socketPath }) => {
    if (channels.isFull || socketPath.length > LONGEST_PATH) return reject();
    startSocketHelper(shell, { kind: "connect", path: socketPath }, user).then(
      (helper) => {
        const channel = accept();
        channels.opened(channel, { isUse: true });
        void pipe(channel, { helper, transport });
      },
      (err: unknown) => {
        log.debug("A Unix socket of a job cannot be reached", { path: socketPath, reason: messageOf(err) });
        reject();
      },
    );
  });

  const listen = async (path: string | null, open: OpenChannel): Promise<SocketHelper> => {
    const helper = await startSocketHelper(shell, { kind: "listen", path }, user);
    const end = () => helper.process.end();
    if (transport.destroyed) end();
    else transport.once("close", end);
    offerAll(helper, { open, transport, channels })
      .catch((err: unknown) => log.warn("A Unix socket for a client broke", { reason: messageOf(err) }))
      .finally(end);
    return helper;
  };
  const asked = (
    accept: Reply,
    reject: Reply,
    { name, socketPath }: { name: string; socketPath: string },
  ) => {
    if (name === CANCEL) {
      const helper = listeners.get(socketPath);
      listeners.delete(socketPath);
      helper?.process.end();
      return helper ? accept?.() : reject?.();
    }
    const isTaken = listeners.has(socketPath) || listeners.size >= MOST_LISTENERS;
    if (isTaken || socketPath.length > LONGEST_PATH) return reject?.();
    listen(socketPath, (opened) => client.openssh_forwardOutStreamLocal(socketPath, opened)).then(
      (helper) => {
        listeners.set(socketPath, helper);
        accept?.();
      },
      (err: unknown) => {
        log.debug("A Unix socket for a client cannot be made", { path: socketPath, reason: messageOf(err) });
        reject?.();
      },
    );
  };
  client.on("request", (accept: Reply, reject: Reply, name: string, { socketPath }: SocketBindInfo) => {
    // Ports are another's to answer (reverse.ts).
    if (FORWARDS.includes(name)) asked(accept, reject, { name, socketPath });
  });

  let agent: Promise<string | undefined> | undefined;
  return {
    agent: () => {
      agent ??= listen(null, (opened) => openAgent(client, opened)).then(
        ({ path }) => path,
        (err: unknown) => {
          log.warn("A client's key agent cannot be had in a job", { reason: messageOf(err) });
          return undefined;
        },
      );
      return agent;
    },
  };
};

const openAgent = (client: Connection, opened: Parameters<OpenChannel>[0]): void => {
  const waiting = Object.assign(opened, { type: "auth-agent@openssh.com" as const });
  const channel = client._chanMgr.add(waiting);
  if (channel >= 0) client._protocol.openssh_authAgent(channel, WINDOW_BYTES, PACKET_BYTES);
};

/** One connection and a process that has it, until both directions are over. Never rejects. */
const pipe = async (
  channel: Channel,
  { helper, transport }: { helper: SocketHelper; transport: Duplex },
): Promise<void> => {
  const { process, output } = helper;
  const outlet = new Outlet(channel, transport);
  const hangUp = () => process.hangUp();
  transport.once("close", hangUp);
  const reading = (async () => {
    for await (const bytes of bytesOf(channel)) await process.write(bytes);
    process.end();
  })();
  // Of a channel that is closed, what came before is written all the same.
  channel.on("error", () => {}).once("close", () => void reading.then(hangUp, hangUp));
  reading.catch(hangUp);
  await outlet.copy(output);
  channel.eof();
  await reading.catch(() => {});
  channel.end();
  transport.off("close", hangUp);
};

const bytesOf = (channel: Channel): AsyncIterable<Uint8Array> =>
  channel.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;

interface Offering {
  open: OpenChannel;
  transport: Duplex;
  channels: Channels;
}

/** Each connection that the process takes is a channel to the client, or is closed where the client does not want it. */
const offerAll = async ({ process, output }: SocketHelper, offering: Offering): Promise<void> => {
  const { open, transport, channels } = offering;
  const taken = new Map<number, Promise<{ channel: Channel; outlet: Outlet } | undefined>>();
  const send = (frame: Parameters<typeof encodeFrame>[0]) => process.write(encodeFrame(frame));
  const take = async (id: number) => {
    const channel = await new Promise<Channel | undefined>((resolve) => {
      if (channels.isFull) resolve(undefined);
      else open((err, opened) => resolve(err ? undefined : opened));
    });
    if (!channel) {
      void send({ kind: "closed", id });
      return undefined;
    }
    channels.opened(channel, { isUse: false });
    const outlet = new Outlet(channel, transport);
    const closed = new Promise<void>((resolve) => {
      channel.on("error", () => {}).once("close", () => resolve());
    });
    const forward = async () => {
      for await (const bytes of bytesOf(channel)) await send({ kind: "data", id, bytes });
      await send({ kind: "ended", id });
    };
    // Its close is the last word: a channel may be closed before what it has brought is written.
    void Promise.allSettled([forward(), closed]).then(() => send({ kind: "closed", id }));
    return { channel, outlet };
  };
  const reader = new FrameReader();
  for await (const bytes of output) {
    for (const frame of reader.read(bytes)) {
      if (frame.kind === "opened") taken.set(frame.id, take(frame.id));
      const { channel, outlet } = (await taken.get(frame.id)) ?? {};
      if (frame.kind === "data") await outlet?.write(frame.bytes);
      else if (frame.kind === "ended") channel?.eof();
      else if (frame.kind === "closed") {
        taken.delete(frame.id);
        channel?.end();
      }
    }
  }
};
