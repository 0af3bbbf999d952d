import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream";
import { messageOf } from "../../shared/errors.ts";
import { enterRoot, type IdMap } from "../sftp/enterRoot.ts";
import { encodeFrame, FrameReader, type SocketFrame } from "./frames.ts";

/** What is wanted of a Unix socket of the job. */
export type SocketTask =
  | { kind: "connect"; path: string }
  /** Where the client says, or, without a path, where nobody else looks. */
  | { kind: "listen"; path: string | null };

/** Where it is: as with SFTP, the process was started there, or enters the container (agent/sftp/sftp.ts). */
export type SocketPlace = { home: string } | { user: string; cwd: string; ids: IdMap };

/** The first line on its output; afterwards come the bytes of the connection, or frames of all that are taken. */
export type SocketAnswer = { path: string } | { failure: string };

/**
 * The process that reaches a Unix socket of a job for one SSH connection: with the rights of the session's user, and no
 * way out of the job's files, so that nothing here needs to judge a path. It ends with its standard input.
 */
export const sockets = (argument: string): void => {
  const { task, place } = JSON.parse(argument) as { task: SocketTask; place: SocketPlace };
  if ("ids" in place) enterRoot(place);
  if (task.kind === "connect") connectTo(task.path);
  else listenAt(task.path);
};

const answer = (said: SocketAnswer): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const fail = (err: unknown): void => {
  answer({ failure: messageOf(err) });
  process.exitCode = 1;
  process.stdin.destroy();
};

const connectTo = (path: string): void => {
  const socket = connect({ path, allowHalfOpen: true });
  socket.once("error", fail);
  socket.once("connect", () => {
    socket.off("error", fail);
    answer({ path });
    const over = () => process.exit();
    const ended = () => void socket.end();
    hearFor(socket).then(ended, ended);
    pipeline(socket, process.stdout, over);
  });
};

/** As `sshd` names the sockets of key agents. */
const newPath = (): string => join(mkdtempSync("/tmp/ssh-"), `agent.${process.pid}`);

const listenAt = (wanted: string | null): void => {
  process.umask(0o177);
  let path: string;
  try {
    path = wanted ?? newPath();
  } catch (err) {
    fail(err);
    return;
  }
  if (wanted === null) chmodSync(dirname(path), 0o700);
  const taken = new Map<number, Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    count += 1;
    const id = count;
    taken.set(id, socket);
    say({ kind: "opened", id }, socket);
    socket.on("data", (bytes) => say({ kind: "data", id, bytes }, socket));
    socket.on("end", () => say({ kind: "ended", id }, socket));
    // What breaks it is told by its close.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (taken.delete(id)) say({ kind: "closed", id }, socket);
    });
  });
  const end = () => {
    server.close();
    if (wanted === null) rmSync(dirname(path), { recursive: true, force: true });
    else rmSync(path, { force: true });
    process.exit();
  };
  server.once("error", fail);
  server.listen(path, () => {
    answer({ path });
    // Whatever breaks it, there is nobody left to listen for.
    void hear(taken).finally(end);
    process.once("SIGHUP", end);
  });
};

/** All connections share the way: as long as nothing is taken there, nothing more is read here. */
const say = (frame: SocketFrame, socket: Socket): void => {
  if (process.stdout.write(encodeFrame(frame))) return;
  socket.pause();
  process.stdout.once("drain", () => socket.resume());
};

/** Whoever has ended it properly has what they wrote arrive; what broke off is cut short here too. */
const closeAfterWrites = (socket: Socket): void => {
  if (socket.writableEnded && !socket.writableFinished) socket.once("finish", () => socket.destroy());
  else socket.destroy();
};

/**
 * Settles at the end of standard input; `process.stdin` had none, or one too early, where it was paused and resumed
 * under load (Bun 1.4). Whoever does not read holds up all others, as they share the way.
 */
const hear = async (taken: Map<number, Socket>): Promise<void> => {
  const reader = new FrameReader();
  for await (const bytes of Bun.stdin.stream()) {
    for (const frame of reader.read(bytes)) {
      const socket = taken.get(frame.id);
      if (frame.kind === "ended") socket?.end();
      else if (frame.kind === "closed") {
        taken.delete(frame.id);
        if (socket) closeAfterWrites(socket);
      } else if (frame.kind === "data" && socket && !socket.write(frame.bytes)) await drained(socket);
    }
  }
};

/** The same where there is but one, and no frames. */
const hearFor = async (socket: Socket): Promise<void> => {
  for await (const bytes of Bun.stdin.stream()) if (!socket.write(bytes)) await drained(socket);
};

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      socket.off("drain", go).off("close", go);
      resolve();
    };
    if (socket.destroyed) resolve();
    else socket.on("drain", go).on("close", go);
  });
