import { readSync, writeSync } from "node:fs";
import { enterRoot, type IdMap } from "./enterRoot.ts";
import { BadPacket } from "./packet.ts";
import { LONGEST_PACKET, SftpServer } from "./sftpServer.ts";

/** What the agent tells its SFTP process, as its one argument. */
export type SftpTask =
  /** It was started as who it is to be, where it is to be. */
  | { home: string }
  /** It is to enter the container whose root is open as its fourth file. */
  | { user: string; cwd: string; ids: IdMap };

/**
 * The process that is an SFTP server for one session, on its standard input and output. It has the rights of the session's
 * user and sees the job's files only, so that nothing here needs to judge a path.
 */
export const sftp = (argument: string): void => {
  const task = JSON.parse(argument) as SftpTask;
  process.umask(0o022);
  const { home } = "ids" in task ? enterRoot(task) : task;
  const server = new SftpServer({ cwd: process.cwd(), home });
  try {
    serve(server);
  } catch (err) {
    if (!(err instanceof BadPacket)) throw err;
    process.stderr.write(`dstack: This is no SFTP: ${err.message}\n`);
    process.exit(1);
  }
};

const serve = (server: SftpServer): void => {
  let waiting = Buffer.alloc(0);
  const chunk = Buffer.alloc(LONGEST_PACKET);
  for (let read = readSync(0, chunk); read > 0; read = readSync(0, chunk)) {
    waiting = Buffer.concat([waiting, chunk.subarray(0, read)]);
    while (waiting.length >= 4) {
      const length = waiting.readUInt32BE();
      if (length < 1 || length > LONGEST_PACKET) throw new BadPacket(`a packet of ${length} bytes`);
      if (waiting.length < 4 + length) break;
      send(server.answer(waiting.subarray(4, 4 + length)));
      waiting = waiting.subarray(4 + length);
    }
  }
};

const send = (answer: Buffer): void => {
  for (let sent = 0; sent < answer.length; ) sent += writeSync(1, answer, sent);
};
