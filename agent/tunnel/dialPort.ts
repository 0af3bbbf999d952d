import { delay } from "../../shared/async/delay.ts";
import { AppError } from "../../shared/errors.ts";
import { type Connecting, connectIn } from "../native/netns.ts";

/** Where a job's ports are. */
export interface JobNetwork {
  /** Set where it is the job's own: its first process, which is in it. Unset: it is the host's. */
  pid: () => Promise<number | undefined>;
  isOwn: boolean;
}

/** A process that is in the job's network; undefined: there is none any more. */
export const processIn = async ({ isOwn, pid }: JobNetwork): Promise<number | undefined> =>
  isOwn ? await pid() : process.pid;

/** The descriptor of a connection to a port at the loopback of a job's network; undefined: nothing listens there. */
export const dialPort = async (network: JobNetwork, port: number): Promise<number | undefined> => {
  const pid = await processIn(network);
  const connecting = pid === undefined ? [] : connectIn(pid, port);
  if (connecting === "forbidden") throw notAllowed();
  return firstConnected(connecting);
};

export const notAllowed = (): AppError =>
  new AppError("forbidden", "The agent may not enter the network of this job; it needs root for that");

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
