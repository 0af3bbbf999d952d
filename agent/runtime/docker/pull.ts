import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import { type RuntimeHooks, StartError } from "../runtime.ts";
import { engineMessage, isLeaving, isUnreachable, statusOf } from "./client.ts";
import { parseImageReference } from "./imageReference.ts";
import { PullEvent, PullTracker } from "./pullProgress.ts";

/** A registry that is silent for this long has hung; slow ones report progress all the time. */
const SILENCE_MS = 10 * 60_000;
/** Layers report many times a second. */
const REPORT_EVERY_MS = 250;

/** The engine stopped in the middle of a pull; it may be no more than its restart. */
export class PullCutOff extends StartError {}

const STOPPED = "the engine stopped in the middle of it";

/** What a pull needs of those who wait for it. */
export type PullHooks = Pick<RuntimeHooks, "signal" | "onPulling">;

export interface PullRequest {
  image: string;
  auth: { username: string; password: string } | null | undefined;
  /** Without a word for this long the pull is given up. */
  silenceMs?: number;
}

/**
 * Pulls an image and reports how far it is. Rejects with a StartError in the engine's words, of the kind PullCutOff where
 * it went away in the middle; that it was not there in the first place passes through.
 */
export const pullImage = async (docker: Docker, request: PullRequest, hooks: PullHooks): Promise<void> => {
  const { silenceMs = SILENCE_MS } = request;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMs);
  const abortSignal = AbortSignal.any([hooks.signal, silence.signal]);
  const tracker = new PullTracker();
  let [reportedAt, hasBegun] = [0, false];
  const end = new EndOfPull();
  let late: NodeJS.Timeout | undefined;
  const report = () => {
    clearTimeout(late);
    late = undefined;
    reportedAt = Date.now();
    const progress = tracker.progress(reportedAt);
    if (progress) hooks.onPulling(progress);
  };
  hooks.onPulling();
  try {
    const stream = await docker.createImage({
      ...parseImageReference(request.image),
      ...(request.auth ? { authconfig: { ...request.auth } } : {}),
      abortSignal,
    });
    hasBegun = true;
    for await (const event of pullEvents(stream)) {
      timer.refresh();
      if (event.errorDetail || event.error) throw new Error(event.errorDetail?.message ?? event.error);
      end.add(event);
      tracker.add(event);
      const waitMs = reportedAt + REPORT_EVERY_MS - Date.now();
      if (waitMs <= 0) report();
      // There may be no further news for long: what came last is told, too.
      else late ??= setTimeout(report, waitMs);
    }
    if (!end.isReached()) throw new Error(STOPPED);
    hooks.onPulling(tracker.progress(Date.now()));
  } catch (err) {
    if (hooks.signal.aborted) throw err;
    if (silence.signal.aborted) throw pullError(request, `nothing came for ${silenceMs / 1_000} seconds`);
    const said = engineMessage(err);
    if (hasBegun && (isUnreachable(err) || isLeaving(said) || said === STOPPED))
      throw new PullCutOff("creating_container_error", cannotPull(request, said), { cause: err });
    throw isUnreachable(err) ? err : pullError(request, said, statusOf(err));
  } finally {
    clearTimeout(timer);
    clearTimeout(late);
  }
};

/** Docker's last word is `Status: …`; Podman, which never says from where it pulls, ends with the image complete. */
class EndOfPull {
  #isDocker = false;
  #last = "";

  add({ status }: PullEvent): void {
    if (status === undefined) return;
    this.#isDocker ||= status.startsWith("Pulling from ");
    this.#last = status;
  }

  isReached(): boolean {
    return this.#last.startsWith("Status:") || (!this.#isDocker && this.#last === "Download complete");
  }
}

/** Whether a pull failed for want of space on the engine's disk. */
export const isDiskFull = (err: unknown): boolean => err instanceof StartError && err.cause === DISK_FULL;

const DISK_FULL = "no space left on device";

const cannotPull = ({ image }: PullRequest, said: string): string =>
  `Cannot pull the image "${image}": ${said}`;

const pullError = (request: PullRequest, said: string, status?: number): StartError => {
  const { auth } = request;
  const isFull = said.includes(DISK_FULL);
  const hint = isFull
    ? "The engine's disk is full: remove images and containers that are not needed"
    : status === 404 || /manifest unknown/.test(said)
      ? "Check the image's name and tag"
      : /denied|unauthorized|authentication|no basic auth|credentials/i.test(said)
        ? auth
          ? "Check the image's name and the credentials in registry_auth"
          : "Check the image's name; if it is private, give its credentials in registry_auth"
        : undefined;
  return new StartError("creating_container_error", cannotPull(request, said), {
    ...(hint ? { hint } : {}),
    ...(isFull ? { cause: DISK_FULL } : {}),
  });
};

/** The stream's JSON lines; what is not one of them is passed over. */
async function* pullEvents(stream: AsyncIterable<string | Buffer>): AsyncGenerator<PullEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (
      rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))
    ).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield* parseEvent(line);
  }
  yield* parseEvent(rest);
}

const parseEvent = (line: string): PullEvent[] => {
  if (line.trim() === "") return [];
  try {
    const event = PullEvent.safeParse(JSON.parse(line));
    return event.success ? [event.data] : [];
  } catch (err) {
    return [{ error: `the engine answered "${line.slice(0, 200)}" (${messageOf(err)})` }];
  }
};
