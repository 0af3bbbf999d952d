import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { pipeSocket } from "../../shared/tunnel/pipeSocket.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { dialPort, type JobNetwork } from "./dialPort.ts";

interface PortAsked {
  network: JobNetwork;
  port: number;
  budget: WindowBudget;
  /** The job is used until the returned function is called. */
  use: () => () => void;
}

/** Connects a stream with a port in a job's network, or resets it. Rejects for what is nobody's fault but ours. */
export const pipeToPort = async (
  { stream, accept }: IncomingStream,
  { network, port, budget, use }: PortAsked,
): Promise<void> => {
  let leave = () => {};
  const pipe = pipeSocket(stream, { budget, closed: () => leave() });
  const fd = await dialPort(network, port);
  if (fd === undefined) {
    stream.reset({ code: "refused", message: `Nothing listens on port ${port} of the job` });
    return;
  }
  leave = use();
  stream.handle(pipe.stream);
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
