import type { BeginUploadRequest } from "../../shared/api/uploads.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { isMissing } from "../api/refusal.ts";
import { appendUpload } from "../api/uploads.ts";
import { createOutage, isPassing } from "../attach/outage.ts";
import type { Context } from "../context.ts";
import { type Content, type OnProgress, Parts } from "./content.ts";

/** The first part, and the least: a slow line is not to be taken for a dead one. */
const FIRST_BYTES = 1024 ** 2;
const LEAST_BYTES = 128 * 1024;
/** A part takes about so long, so that a cut costs no more. */
const PART_MS = 2_000;
const DEAD_MS = 60_000;
/** How long it is tried without a byte of progress. */
const PATIENCE_MS = 5 * 60_000;
/** So often it is begun again where the server has lost what it had. */
const MOST_BEGINNINGS = 3;

const NEVER = new AbortController().signal;

interface Sending<T> {
  readonly content: Content;
  readonly name: BeginUploadRequest;
  readonly mostBytes: number;
  /** What is there already, or from where it goes on. */
  readonly begin: () => Promise<{ known: T | undefined; offset: number }>;
  /** Undefined: what arrived was damaged, and is gone. */
  readonly finish: () => Promise<T | undefined>;
  readonly onProgress: OnProgress;
}

/**
 * Sends content in parts, from where an earlier attempt came to: this one's, when the line or the server was away, or that
 * of a command that was killed. The server's answers say where it stands.
 */
export const sendInParts = async <T>(ctx: Context, api: Api, sending: Sending<T>): Promise<T> => {
  const outage = createOutage(ctx);
  let giveUpAt = ctx.clock.steady() + PATIENCE_MS;
  let reached = -1;
  let beginnings = 0;
  const note = (offset: number) => {
    sending.onProgress(offset, sending.content.size);
    if (offset <= reached) return;
    reached = offset;
    giveUpAt = ctx.clock.steady() + PATIENCE_MS;
    outage.over("upload");
  };
  for (;;) {
    try {
      const { known, offset } = await sending.begin();
      if (known) return known;
      note(offset);
      await sendFrom(ctx, api, { ...sending, offset, note });
      const done = await sending.finish();
      if (done) return done;
      if (++beginnings === MOST_BEGINNINGS)
        throw new AppError("unavailable", "What arrives at the server is not what was sent", {
          hint: "Look for a proxy that changes it, or a broken disk",
        });
    } catch (err) {
      // Given up over there meanwhile, or removed from a full disk.
      if (isMissing(err) && ++beginnings < MOST_BEGINNINGS) continue;
      // Of the first call the client has seen to it already.
      if (reached < 0 || !isPassing(err) || ctx.clock.steady() > giveUpAt) throw err;
      await outage.pause("upload", NEVER);
    }
  }
};

const sendFrom = async <T>(
  { clock }: Context,
  api: Api,
  { content, name, mostBytes, offset, note }: Sending<T> & { offset: number; note: (offset: number) => void },
): Promise<void> => {
  let at = offset;
  let partBytes = Math.min(FIRST_BYTES, mostBytes);
  while (at < content.size) {
    using parts = new Parts(content, { from: at, most: mostBytes });
    for (;;) {
      const bytes = parts.next(partBytes);
      if (bytes.length === 0) break;
      const begun = clock.steady();
      const held = await appendUpload(api, name, { offset: at, bytes, timeoutMs: DEAD_MS });
      const isAsSent = held === at + bytes.length;
      partBytes = nextPart(bytes.length, clock.steady() - begun, mostBytes);
      at = held;
      note(at);
      // Somebody else sends the same, or the server has lost the end of what it had.
      if (!isAsSent) break;
    }
  }
};

const nextPart = (sent: number, tookMs: number, most: number): number =>
  Math.min(most, Math.max(LEAST_BYTES, Math.floor((sent / Math.max(1, tookMs)) * PART_MS)));
