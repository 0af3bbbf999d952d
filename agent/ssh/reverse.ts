import type { Duplex } from "node:stream";
import type { SocketListener } from "bun";
import type { Connection } from "ssh2";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { listenIn } from "../native/netns.ts";
import { type JobNetwork, notAllowed, processIn } from "../tunnel/dialPort.ts";
import type { Channels } from "./channels.ts";
import { type ChannelPipe, pipeChannel } from "./pipeChannel.ts";

export interface ReverseDeps {
  network: JobNetwork;
  transport: Duplex;
  channels: Channels;
  log: Logger;
}

/** A connection that was taken for the client: its channel, once the client has said that it wants it. */
type Taken = ChannelPipe | undefined;

const MOST_LISTENERS = 32;
/** Here is nothing to be privileged about: but what listens below is the image's or the host's own. */
const LOWEST_PORT = 1_024;

/** Ports of the client for the job (`ssh -R`): they listen at the loopback of the job's network. */
export const serveReverse = (client: Connection, deps: ReverseDeps): void => {
  const { log, network } = deps;
  const listeners = new Map<string, SocketListener<Taken>>();
  const listen = async (address: string, port: number): Promise<number | undefined> => {
    const isTaken = listeners.has(`${address}:${port}`) || listeners.size >= MOST_LISTENERS;
    if (isTaken || (port !== 0 && port < LOWEST_PORT)) return undefined;
    const pid = await processIn(network);
    const opened = pid === undefined ? undefined : listenIn(pid, port);
    if (opened === "forbidden") throw notAllowed();
    if (opened === undefined || opened === "taken") return undefined;
    const listener = offerAll(client, { fd: opened.fd, address, port: opened.port }, deps);
    listeners.set(`${address}:${opened.port}`, listener);
    return opened.port;
  };
  client.on("request", (accept, reject, name, info) => {
    // Unix sockets are another's to answer (sockets.ts).
    if (name !== "tcpip-forward" && name !== "cancel-tcpip-forward") return;
    const { bindAddr, bindPort } = info as { bindAddr: string; bindPort: number };
    if (name === "cancel-tcpip-forward") {
      const key = `${bindAddr}:${bindPort}`;
      const listener = listeners.get(key);
      listeners.delete(key);
      listener?.stop();
      return listener ? accept?.() : reject?.();
    }
    listen(bindAddr, bindPort).then(
      (port) => (port === undefined ? reject?.() : accept?.(port)),
      (err: unknown) => {
        log.warn("A job cannot be given a port", { port: bindPort, reason: messageOf(err) });
        reject?.();
      },
    );
  });
  client.once("close", () => {
    for (const listener of listeners.values()) listener.stop(true);
  });
};

/** Each connection that comes is a channel to the client, or is closed where the client does not want it. */
const offerAll = (
  client: Connection,
  { fd, address, port }: { fd: number; address: string; port: number },
  { transport, channels }: ReverseDeps,
): SocketListener<Taken> =>
  Bun.listen<Taken>({
    fd,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        if (channels.isFull) return void socket.terminate();
        socket.pause();
        client.forwardOut(address, port, "127.0.0.1", 0, (err, channel) => {
          if (err) return void socket.terminate();
          // The job's own doing.
          channels.opened(channel, { isUse: false });
          const pipe = pipeChannel(channel, transport);
          socket.data = pipe;
          pipe.open(socket);
          socket.resume();
        });
      },
      data: (socket, bytes) => socket.data?.data(socket, bytes),
      drain: (socket) => socket.data?.drain(),
      end: (socket) => socket.data?.end(),
      close: (socket) => socket.data?.close(),
      error: (socket) => socket.data?.close(),
    },
  });
