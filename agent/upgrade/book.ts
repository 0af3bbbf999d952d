import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Logger } from "../../shared/log.ts";

/** A release that was put in the place of the program, and has to show that it works. */
const Trial = z.object({
  version: z.string(),
  sha256: z.string(),
  /** What it takes the place of. */
  from: z.string(),
  /** How often it was started, the first time included; 0: not yet. */
  starts: z.number().int(),
});
export type Trial = z.infer<typeof Trial>;

const Failure = z.object({
  version: z.string(),
  sha256: z.string(),
  message: z.string(),
  at: z.number(),
  times: z.number().int().positive(),
});
export type Failure = z.infer<typeof Failure>;

const Book = z.object({ trial: Trial.nullable(), failures: z.array(Failure) });
type Book = z.infer<typeof Book>;

/** A release that has failed is tried again after an hour, then two, then four: it may not have been its fault. */
const FIRST_PAUSE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 7 * 24 * 3_600_000;
const MOST_FAILURES = 20;

const EMPTY: Book = { trial: null, failures: [] };

/** What the agent knows of its own upgrades, for the process that comes after it. */
export class UpgradeBook {
  readonly #path: string;
  readonly #log: Logger;

  constructor(stateDir: string, log: Logger) {
    this.#path = join(stateDir, "upgrade.json");
    this.#log = log;
  }

  /** Read anew each time: the guard (guard.ts) writes it too. */
  get trial(): Trial | undefined {
    return this.#read().trial ?? undefined;
  }

  get lastFailure(): Failure | undefined {
    return this.#read().failures.at(-1);
  }

  /** Why the release is not tried now; undefined: it may be. */
  failureOf(sha256: string, now: number): Failure | undefined {
    const found = this.#read().failures.find((one) => one.sha256 === sha256);
    if (!found) return undefined;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (found.times - 1), LONGEST_PAUSE_MS);
    // A clock that was set back must not make it wait for longer.
    return now >= found.at && now - found.at >= pauseMs ? undefined : found;
  }

  begin(trial: Omit<Trial, "starts">): void {
    this.#write({ ...this.#read(), trial: { ...trial, starts: 0 } });
  }

  countStart(trial: Trial): Trial {
    const counted = { ...trial, starts: trial.starts + 1 };
    this.#write({ ...this.#read(), trial: counted });
    return counted;
  }

  /** It works; or it never began. */
  endTrial(): void {
    this.#write({ ...this.#read(), trial: null });
  }

  fail({ version, sha256 }: Pick<Trial, "version" | "sha256">, message: string, at: number): void {
    const { failures } = this.#read();
    const times = (failures.find((one) => one.sha256 === sha256)?.times ?? 0) + 1;
    const others = failures.filter((one) => one.sha256 !== sha256).slice(1 - MOST_FAILURES);
    this.#write({ trial: null, failures: [...others, { version, sha256, message, at, times }] });
  }

  #read(): Book {
    try {
      return Book.parse(JSON.parse(readFileSync(this.#path, "utf8")));
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return EMPTY;
      this.#log.warn("What was known of upgrades cannot be read, and is forgotten", { path: this.#path });
      return EMPTY;
    }
  }

  #write(book: Book): void {
    const fd = openSync(`${this.#path}.part`, "w", 0o600);
    try {
      writeSync(fd, JSON.stringify(book));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${this.#path}.part`, this.#path);
  }
}
