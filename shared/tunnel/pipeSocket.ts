import type { Socket } from "bun";
import { Fifo } from "./fifo.ts";
import type { StreamFailure } from "./frame.ts";
import { Memory } from "./memory.ts";
import { ReceiveWindow, type WindowBudget } from "./receiveWindow.ts";
import type { StreamHandler, TunnelStream } from "./stream.ts";

type PipeSocket = Pick<Socket<unknown>, "write" | "pause" | "resume" | "shutdown" | "terminate" | "end">;

export interface Pipe {
  /** What the socket's handlers say, from its making on. */
  readonly socket: {
    data(bytes: Uint8Array): void;
    drain(): void;
    end(): void;
    gone(why: string): void;
  };
  /** For the stream. */
  readonly stream: StreamHandler;
  /** The socket is there. */
  open(socket: PipeSocket): void;
}

export interface PipeOptions {
  budget: WindowBudget;
  accepted?: (answer: unknown) => void;
  /** Once, when both are over; a failure: the stream broke. */
  closed?: (failure: StreamFailure | undefined) => void;
}

/**
 * A TCP socket and a stream as one: each is read no further than the other takes, an end of one is an end of the other
 * in that direction, and one that breaks breaks the other.
 */
export const pipeSocket = (stream: TunnelStream, options: PipeOptions): Pipe => {
  const window = new ReceiveWindow(stream, options.budget);
  /** Came over the stream, and the socket has not taken it. */
  const waiting = new Fifo<{ bytes: Uint8Array; memory: Memory | undefined }>();
  /** Of the first of them, so much was taken. */
  let taken = 0;
  let socket: PipeSocket | undefined;
  let [isPaused, hasPeerEnded, isSocketGone] = [false, false, false];

  const flush = (): void => {
    if (!socket) return;
    for (let first = waiting.first; first; first = waiting.first) {
      const { bytes, memory } = first;
      const written = Math.max(0, socket.write(taken > 0 ? bytes.subarray(taken) : bytes));
      window.consumed(written);
      taken += written;
      if (taken < bytes.length) return;
      taken = 0;
      waiting.shift();
      memory?.release();
    }
    if (hasPeerEnded) socket.shutdown();
  };
  const readOn = (): void => {
    if (!socket || !isPaused || stream.room <= 0) return;
    isPaused = false;
    socket.resume();
  };
  const holdIfFull = (): void => {
    if (!socket || isPaused || stream.room > 0) return;
    isPaused = true;
    socket.pause();
  };
  const socketGone = (failure: StreamFailure): void => {
    if (isSocketGone) return;
    isSocketGone = true;
    waiting.clear();
    taken = 0;
    // Gone in both directions: what the other side still sends reaches nobody.
    if (hasPeerEnded) stream.end();
    else stream.reset(failure);
    window.release();
    options.closed?.(undefined);
  };

  return {
    open: (opened) => {
      socket = opened;
      if (isSocketGone) {
        // The stream broke while the socket was made.
        opened.terminate();
        return;
      }
      holdIfFull();
      flush();
    },
    socket: {
      data: (bytes) => {
        stream.write(bytes, Memory.under(bytes));
        holdIfFull();
      },
      drain: flush,
      end: () => stream.end(),
      gone: (why) => socketGone({ code: "aborted", message: why }),
    },
    stream: {
      accepted: (answer) => {
        options.accepted?.(answer);
        readOn();
      },
      data: (bytes, memory) => {
        window.came(bytes.length);
        waiting.push({ bytes, memory });
        if (waiting.length === 1) flush();
      },
      credit: readOn,
      blocked: () => window.blocked(),
      ended: () => {
        hasPeerEnded = true;
        if (waiting.length === 0) flush();
      },
      closed: (failure) => {
        window.release();
        if (failure && !isSocketGone) {
          isSocketGone = true;
          socket?.terminate();
          options.closed?.(failure);
        }
      },
    },
  };
};
