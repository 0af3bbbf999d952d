import type { StreamLogsRequest } from "../../../shared/api/logs.ts";
import { fromWireTime } from "../../../shared/api/scalars.ts";
import type { Deps } from "../../deps.ts";

const PIECE_BYTES = 256 * 1024;
const NEWLINE = 10;

/** The byte of an output with which an answer begins: the furthest of all that was asked for. */
export const logBegin = async (
  deps: Pick<Deps, "logs">,
  submissionId: string,
  { offset, start_time: after, tail_lines: lines }: StreamLogsRequest,
): Promise<number> => {
  const { logs } = deps;
  const begin =
    after === null ? offset : Math.max(offset, await logs.offsetAfter(submissionId, fromWireTime(after)));
  return lines === null ? begin : lastLines(deps, submissionId, { begin, lines });
};

/** Where the last so many lines begin, read from the end; a line that has no end yet is one of them. */
const lastLines = async (
  { logs }: Pick<Deps, "logs">,
  submissionId: string,
  { begin, lines }: { begin: number; lines: number },
): Promise<number> => {
  const end = await logs.length(submissionId);
  if (lines === 0) return Math.max(begin, end);
  let left = lines;
  for (let pieceEnd = end; pieceEnd > begin; ) {
    const from = Math.max(begin, pieceEnd - PIECE_BYTES);
    const piece = await logs.read(submissionId, from, pieceEnd - from);
    // The newline at the very end of the output ends the last line, and begins none.
    for (let at = piece.length - (pieceEnd === end ? 2 : 1); at >= 0; at--) {
      at = piece.lastIndexOf(NEWLINE, at);
      if (at < 0) break;
      if (--left === 0) return from + at + 1;
    }
    pieceEnd = from;
  }
  return begin;
};
