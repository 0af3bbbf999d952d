import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";

/** Per image name: when a job last used it, milliseconds since 1970, and whether the agent brought it here. */
const Uses = z.record(z.string(), z.object({ at: z.number(), isPulled: z.boolean() }));

export interface ImageUseOptions {
  /** Undefined: remembered by this process alone. */
  path: string | undefined;
  now: () => number;
  log: Logger;
}

/** Which images jobs have used, and when: what engines do not tell, and must be known to remove the right ones. */
export class ImageUse {
  readonly #options: ImageUseOptions;
  readonly #uses: z.infer<typeof Uses>;
  readonly #held = new Map<string, number>();

  constructor(options: ImageUseOptions) {
    this.#options = options;
    this.#uses = options.path === undefined ? {} : read(options.path, options.log);
  }

  /** A job is about to use it: not to be removed until the returned function is called. */
  hold(image: string): () => void {
    this.#held.set(image, (this.#held.get(image) ?? 0) + 1);
    return () => {
      this.#held.set(image, (this.#held.get(image) ?? 0) - 1);
    };
  }

  isHeld(image: string): boolean {
    return (this.#held.get(image) ?? 0) > 0;
  }

  used(image: string, { isPulled }: { isPulled: boolean }): void {
    const wasPulled = this.#uses[image]?.isPulled ?? false;
    this.#uses[image] = { at: this.#options.now(), isPulled: isPulled || wasPulled };
    this.#save();
  }

  removed(image: string): void {
    delete this.#uses[image];
    this.#save();
  }

  /** Those that the agent has pulled, the least recently used first. */
  listPulled(): string[] {
    return Object.entries(this.#uses)
      .filter(([, { isPulled }]) => isPulled)
      .toSorted(([, a], [, b]) => a.at - b.at)
      .map(([image]) => image);
  }

  /** When a job last used it; 0: never. */
  lastUse(image: string): number {
    return this.#uses[image]?.at ?? 0;
  }

  #save(): void {
    const { path, log } = this.#options;
    if (path === undefined) return;
    try {
      writeFileSync(`${path}.part`, JSON.stringify(this.#uses), { mode: 0o600 });
      renameSync(`${path}.part`, path);
    } catch (err) {
      // An image that is forgotten is one that is not removed.
      log.warn("Cannot write down which images are used", { reason: messageOf(err) });
    }
  }
}

const read = (path: string, log: Logger): z.infer<typeof Uses> => {
  try {
    return Uses.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT")
      log.warn("Cannot read which images were used; none of them will be removed", {
        reason: messageOf(err),
      });
    return {};
  }
};
