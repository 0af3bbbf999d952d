import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";

/** Docker Engine API, "Attach to a container": stream, three zeros, length. */
const HEAD = 8;
const STDERR = 2;

/**
 * The two streams of a process without a terminal. Neither is read further than both are taken: whoever reads one of them
 * reads the other too.
 */
export const splitOutput = (source: Readable): { stdout: Readable; stderr: Readable } => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const copy = async () => {
    let [left, to] = [0, stdout];
    let head = Buffer.alloc(0);
    for await (const chunk of source as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        if (left === 0) {
          const more = chunk.subarray(at, at + HEAD - head.length);
          head = Buffer.concat([head, more]);
          at += more.length;
          if (head.length < HEAD) continue;
          [left, to] = [head.readUInt32BE(4), head[0] === STDERR ? stderr : stdout];
          head = Buffer.alloc(0);
          continue;
        }
        const piece = chunk.subarray(at, at + left);
        at += piece.length;
        left -= piece.length;
        if (!to.write(piece)) await room(to);
      }
    }
  };
  const end = () => {
    stdout.end();
    stderr.end();
  };
  // A connection that breaks is as one that ends: how the process ended the engine is asked in any case.
  copy().then(end, end);
  return { stdout, stderr };
};

const room = (to: PassThrough): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    to.on("drain", done).on("close", done);
  });
