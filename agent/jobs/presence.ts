import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";

export interface PresenceDeps {
  /** For how long users could have come so far (link/contact.ts), in milliseconds. */
  reachableMs: () => number;
  /** Folder of the submission. */
  dir: string;
  log: Logger;
}

const FILE = "idle";
/** What a crash of the agent may cost of it. */
const WRITE_MS = 30_000;

/**
 * Whether somebody uses a job from afar, and for how long nobody has. Only time counts in which somebody could have come:
 * none while the coordinator is out of reach, nor while no agent runs. What ends with the agent, or with the way to it,
 * ends in use: whoever was cut off has the whole time to come back (docs/dev-environments.md).
 */
export class Presence {
  readonly #deps: PresenceDeps;
  #users = 0;
  /** Idle so far at the moment `#from` of the time that counts. */
  #idleMs: number;
  #from: number;
  #written: number;

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
    this.#idleMs = read(deps.dir);
    this.#written = this.#idleMs;
    this.#from = deps.reachableMs();
  }

  /** Somebody uses the job until the returned function is called; again it does nothing. */
  enter(): () => void {
    this.#users += 1;
    this.#restart();
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#users -= 1;
      this.#restart();
    };
  }

  /** How long nobody has used it; 0: somebody does. */
  get idleMs(): number {
    if (this.#users > 0) return 0;
    const idleMs = Math.floor(this.#idleMs + this.#deps.reachableMs() - this.#from);
    if (idleMs >= this.#written + WRITE_MS) this.#write(idleMs);
    return idleMs;
  }

  #restart(): void {
    this.#idleMs = 0;
    this.#from = this.#deps.reachableMs();
    if (this.#written > 0) this.#write(0);
  }

  #write(idleMs: number): void {
    this.#written = idleMs;
    const path = join(this.#deps.dir, FILE);
    try {
      writeFileSync(`${path}.part`, String(idleMs), { mode: 0o600 });
      renameSync(`${path}.part`, path);
    } catch (err) {
      this.#deps.log.warn("Cannot note for how long nobody has used a job", { reason: messageOf(err) });
    }
  }
}

/** 0 where there is none, or it cannot be read: then the time begins anew, and nobody is cut short. */
const read = (dir: string): number => {
  try {
    const idleMs = Number(readFileSync(join(dir, FILE), "utf8"));
    return Number.isSafeInteger(idleMs) && idleMs > 0 ? idleMs : 0;
  } catch {
    return 0;
  }
};
