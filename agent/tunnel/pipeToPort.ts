import { closeSync } from "node:fs";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { pipeSocket } from "../../shared/tunnel/pipeSocket.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { dialPort, type JobNetwork } from "./dialPort.ts";

interface PortAsked {
  network: JobNetwork;
  port: number;
  budget: WindowBudget;
  /** The job is used until the returned function is called. */
  use: () => () => void;
  /** Aborted when the job has ended. */
  ended: AbortSignal;
}

/** What the job has sent may still arrive for so long after its end: then nobody is led to its port any more. */
const LAST_WORDS_MS = 60_000;

/** Connects a stream with a port in a job's network, or resets it. Rejects for what is nobody's fault but ours. */
export const pipeToPort = async (
  { stream, accept }: IncomingStream,
  { network, port, budget, use, ended }: PortAsked,
): Promise<void> => {
  let leave = () => {};
  const pipe = pipeSocket(stream, { budget, closed: () => leave() });
  const fd = await dialPort(network, port);
  if (fd === undefined) {
    stream.reset({ code: "refused", message: `Nothing listens on port ${port} of the job` });
    return;
  }
  if (stream.isGone) {
    // Whoever has asked is gone, and nobody would close it.
    closeSync(fd);
    return;
  }
  leave = use();
  stream.handle(pipe.stream);
  endWith(stream, ended);
  const connected = Bun.connect({
    fd,
    allowHalfOpen: true,
    socket: {
      data: (_socket, bytes) => pipe.socket.data(bytes),
      drain: () => pipe.socket.drain(),
      end: () => pipe.socket.end(),
      close: () => pipe.socket.gone("The connection was closed"),
      error: (_socket, err) => pipe.socket.gone(err.message),
      open: (socket) => {
        pipe.open(socket);
        accept(null);
      },
    },
  });
  await connected.catch((err: unknown) => {
    leave();
    throw err;
  });
};

/** A network that the job had to itself ends with it; in the host's, others may listen on that port next. */
const endWith = (stream: TunnelStream, ended: AbortSignal): void => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = () => {
    timer = setTimeout(() => stream.abort({ code: "aborted", message: "The job has ended" }), LAST_WORDS_MS);
  };
  ended.addEventListener("abort", begin, { once: true });
  if (ended.aborted) begin();
  stream.whenGone = () => {
    clearTimeout(timer);
    ended.removeEventListener("abort", begin);
  };
};
