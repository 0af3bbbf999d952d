import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { Contact } from "../link/contact.ts";
import { Presence } from "./presence.ts";

const MINUTE = 60_000;

/** A host with one job, and a coordinator that may be out of its reach. */
class Host {
  readonly dir: string;
  #now = 0;
  #isCut = false;
  #contact = new Contact();
  #presence: Presence;
  #leave: (() => void)[] = [];

  constructor(dir: string) {
    this.dir = dir;
    this.#presence = this.#open();
  }

  #open(): Presence {
    const contact = this.#contact;
    return new Presence({ reachableMs: () => contact.ms, dir: this.dir, log: silentLogger });
  }

  /** The agent polls all the time, and nobody looks at what it says but it. */
  pass(minutes: number): void {
    for (let at = 0; at < minutes; at++) {
      const sentAt = this.#now;
      this.#now += MINUTE;
      if (this.#isCut) this.#contact.lost();
      else this.#contact.answered(sentAt, this.#now);
      void this.#presence.idleMs;
    }
  }

  readonly events: Record<string, () => void> = {
    comes: () => void this.#leave.push(this.#presence.enter()),
    leaves: () => {
      const leave = this.#leave.pop();
      // Told twice: by the channel, and by the connection under it.
      leave?.();
      leave?.();
    },
    cut: () => {
      this.#isCut = true;
    },
    mended: () => {
      this.#isCut = false;
    },
    "agent restarts": () => {
      this.#contact = new Contact();
      this.#leave = [];
      this.#presence = this.#open();
    },
    "5 minutes": () => this.pass(5),
  };

  get idle(): number {
    return this.#presence.idleMs / MINUTE;
  }
}

let dir: ReturnType<typeof tempDir>;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir[Symbol.dispose]());

/** State × event: what happened, and for how many minutes nobody has used the job then. */
const TABLE: [state: string, event: string, idle: number][] = [
  // Nobody has come yet.
  ["5 minutes", "5 minutes", 10],
  ["5 minutes", "comes", 0],
  ["5 minutes", "cut, 5 minutes", 5],
  ["5 minutes", "cut, 5 minutes, mended, 5 minutes", 10],
  ["5 minutes", "agent restarts", 5],
  ["5 minutes", "agent restarts, 5 minutes", 10],
  // Somebody is there.
  ["5 minutes, comes", "5 minutes", 0],
  ["5 minutes, comes", "leaves", 0],
  ["5 minutes, comes", "leaves, 5 minutes", 5],
  ["5 minutes, comes", "comes, leaves, 5 minutes", 0],
  ["5 minutes, comes", "cut, 5 minutes", 0],
  ["5 minutes, comes", "agent restarts", 0],
  ["5 minutes, comes", "agent restarts, 5 minutes", 5],
  // Somebody was there when the host was cut off: their streams end with the link, and nobody can come.
  ["5 minutes, comes, cut, 5 minutes, leaves", "5 minutes", 0],
  ["5 minutes, comes, cut, 5 minutes, leaves", "mended, 5 minutes", 5],
  ["5 minutes, comes, cut, 5 minutes, leaves", "mended, comes, 5 minutes", 0],
  ["5 minutes, comes, cut, 5 minutes, leaves", "agent restarts, 5 minutes, mended, 5 minutes", 5],
  // Nobody was: the time stands still, and somebody may still come the direct way.
  ["5 minutes, cut, 5 minutes", "5 minutes", 5],
  ["5 minutes, cut, 5 minutes", "comes, 5 minutes", 0],
  ["5 minutes, cut, 5 minutes", "agent restarts, 5 minutes", 5],
  ["5 minutes, cut, 5 minutes", "mended, 5 minutes", 10],
];

describe("for how long nobody has used a job", () => {
  test.each(TABLE)("%s | %s: %d minutes", (state, event, idle) => {
    const host = new Host(dir.path);
    for (const name of `${state}, ${event}`.split(", ")) host.events[name]?.();
    expect(host.idle).toBe(idle);
  });

  test("what was written cannot be read: the time begins anew", () => {
    for (const text of ["", "rubbish", "-5", "1e999"]) {
      writeFileSync(join(dir.path, "idle"), text);
      expect(new Host(dir.path).idle).toBe(0);
    }
  });

  test("it goes on where the disk is full", () => {
    const host = new Host(join(dir.path, "absent"));
    host.pass(5);
    expect(host.idle).toBe(5);
  });
});
