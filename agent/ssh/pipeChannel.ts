import type { Duplex } from "node:stream";
import type { Socket } from "bun";
import type { Channel } from "ssh2";
import { Outlet } from "./outlet.ts";

/** Writes to the channel that are under way before the socket is read no further. */
const MOST_BUSY = 4;

type ChannelSocket = Pick<Socket<unknown>, "write" | "pause" | "resume" | "shutdown" | "terminate">;

/** To be told of what happens to the socket, from its opening on. */
export interface ChannelPipe {
  open(socket: ChannelSocket): void;
  data(socket: ChannelSocket, bytes: Uint8Array): void;
  drain(): void;
  end(): void;
  close(): void;
}

/** A channel and a socket as one: each is read no further than the other takes, an end of one is an end of the other. */
export const pipeChannel = (channel: Channel, transport: Duplex): ChannelPipe => {
  const outlet = new Outlet(channel, transport);
  let [isPaused, hasSocketEnded, hasChannelEnded, hasSocketGone] = [false, false, false, false];
  let drained: (() => void) | undefined;
  const closeIfOver = () => {
    if (hasSocketEnded && hasChannelEnded) channel.end();
  };
  const toSocket = async (socket: ChannelSocket) => {
    for await (const bytes of channel.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < bytes.length && !hasSocketGone; ) {
        at += Math.max(0, socket.write(bytes, at));
        if (at < bytes.length)
          await new Promise<void>((resolve) => {
            drained = resolve;
          });
      }
    }
    hasChannelEnded = true;
    socket.shutdown();
    closeIfOver();
  };
  const gone = () => {
    hasSocketGone = true;
    drained?.();
    channel.end();
  };
  return {
    open: (socket) => {
      const end = () => socket.terminate();
      channel.once("close", () => {
        if (!hasSocketGone) end();
      });
      toSocket(socket).catch(end);
    },
    data: (socket, bytes) => {
      const written = outlet.write(bytes);
      if (outlet.busy < MOST_BUSY || isPaused) return;
      isPaused = true;
      socket.pause();
      void written.then(() => {
        isPaused = false;
        if (!hasSocketGone) socket.resume();
      });
    },
    drain: () => drained?.(),
    end: () => {
      hasSocketEnded = true;
      // Behind all that was written: the library's own end would close the other direction too.
      void outlet.flushed().then(() => {
        channel.eof();
        closeIfOver();
      });
    },
    close: gone,
  };
};
