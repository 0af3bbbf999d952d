import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import { Draining } from "../../shared/protocol/sync.ts";

/** Whether this host is to get no new jobs, by the wish of whoever runs it; outlives the agent. */
export class Drain {
  readonly #path: string;
  readonly #onChange: () => void;
  #state: Draining | undefined;
  /** What the coordinator was last told, as text. */
  #told: string | undefined;

  constructor(stateDir: string, onChange: () => void) {
    this.#path = join(stateDir, "drain.json");
    this.#onChange = onChange;
    this.#state = read(this.#path);
  }

  get state(): Draining | undefined {
    return this.#state;
  }

  /** The coordinator has answered a sync that said how it is now. */
  get isTold(): boolean {
    return this.#told === textOf(this.#state);
  }

  /** Asked for again, it keeps its beginning. */
  begin(reason: string, now: number): void {
    this.#keep({ since: this.#state?.since ?? now, reason });
  }

  end(): void {
    this.#keep(undefined);
  }

  /** A sync that said this has been answered. */
  told(state: Draining | undefined): void {
    this.#told = textOf(state);
  }

  #keep(state: Draining | undefined): void {
    if (state) {
      writeFileSync(`${this.#path}.part`, JSON.stringify(state), { mode: 0o600 });
      renameSync(`${this.#path}.part`, this.#path);
    } else rmSync(this.#path, { force: true });
    this.#state = state;
    this.#onChange();
  }
}

const textOf = (state: Draining | undefined): string => JSON.stringify(state ?? null);

const read = (path: string): Draining | undefined => {
  try {
    return Draining.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(err).split("\n")[0]}`, {
      hint: "Remove it, and drain the host again if it is to get no jobs",
      cause: err,
    });
  }
};
