import { delay } from "../../shared/async/delay.ts";
import { AppError } from "../../shared/errors.ts";
import type { IncomingStream } from "../../shared/tunnel/mux.ts";
import { pipeSocket } from "../../shared/tunnel/pipeSocket.ts";
import type { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import { type Connecting, connectIn } from "../native/netns.ts";

/** Where a job's ports are. */
export interface JobNetwork {
  /** Set where it is the job's own: its first process, which is in it. Unset: it is the host's. */
  pid: () => Promise<number | undefined>;
  isOwn: boolean;
}

/** Connects a stream with a port in a job's network, or resets it. Rejects for what is nobody's fault but ours. */
export const pipeToPort = async (
  { stream, accept }: IncomingStream,
  { network, port, budget }: { network: JobNetwork; port: number; budget: WindowBudget },
): Promise<void> => {
  const pipe = pipeSocket(stream, { budget });
  const refuse = () =>
    stream.reset({ code: "refused", message: `Nothing listens on port ${port} of the job` });
  const pid = network.isOwn ? await network.pid() : process.pid;
  const connecting = pid === undefined ? [] : connectIn(pid, port);
  if (connecting === "forbidden")
    throw new AppError(
      "forbidden",
      "The agent may not enter the network of this job; it needs root for that",
    );
  const fd = await firstConnected(connecting);
  if (fd === undefined) {
    refuse();
    return;
  }
  stream.handle(pipe.stream);
  await Bun.connect({
    fd,
    allowHalfOpen: true,
    socket: {
      ...pipe.socket,
      open: (socket) => {
        pipe.open(socket);
        accept(null);
      },
    },
  });
};

/** A listener whose queue is full may take this long to make room. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 10;

/** The descriptor of the first that is answered; the others are closed. */
const firstConnected = async (all: readonly Connecting[]): Promise<number | undefined> => {
  let left = [...all];
  for (const until = performance.now() + PATIENCE_MS; left.length > 0; await delay(LOOK_MS)) {
    const found = left.find((one) => one.state() === "connected");
    const isOver = found !== undefined || performance.now() > until;
    for (const one of left) if (one !== found && (isOver || one.state() === "failed")) one.close();
    if (isOver) return found?.fd;
    left = left.filter((one) => one.state() === "pending");
  }
  return undefined;
};
