import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Backoff } from "../../shared/async/backoff.ts";
import { delay } from "../../shared/async/delay.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { AgentUpgrade } from "../../shared/protocol/sync.ts";
import type { UpgradeOffer } from "../../shared/protocol/upgrade.ts";
import { VERSION } from "../../shared/version.ts";
import { codeOf } from "../link/client.ts";
import type { LinkTls } from "../link/trust.ts";
import type { UpgradeBook } from "./book.ts";
import { checkSignature, download, stage } from "./fetchRelease.ts";
import { swapIn, whyUnable } from "./program.ts";

export interface UpgraderDeps {
  stateDir: string;
  /** Where the coordinator is. */
  url: string;
  tls?: () => LinkTls;
  /** The file of this program, and the release file that it was made as; undefined: it runs from its sources. */
  program: string | undefined;
  target: string | undefined;
  isOn: boolean;
  book: UpgradeBook;
  log: Logger;
  now: () => number;
  /** The key that this host trusts; the first one that it hears of, where it has none. */
  trust: (offered: string) => string;
  /** What it says of itself has changed. */
  onChange: () => void;
  /** The release is in this program's place, and waits to be started. */
  onReady: () => void;
}

const RETRY = { firstMs: 2_000, longestMs: 300_000 };

/** Takes the releases that the coordinator offers, one at a time. */
export class Upgrader {
  readonly #deps: UpgraderDeps;
  readonly #unable: string | undefined;
  #taking: { offer: UpgradeOffer; stop: AbortController; done: Promise<void> } | undefined;

  constructor(deps: UpgraderDeps) {
    this.#deps = deps;
    this.#unable = whyUnable(deps.program, deps.target);
  }

  /** For the coordinator and for people. */
  get says(): AgentUpgrade {
    const { target = "source", isOn, book } = this.#deps;
    if (!isOn) return { target, state: "off" };
    if (this.#unable !== undefined) return { target, state: "unable", message: this.#unable.slice(0, 500) };
    if (this.#taking) return { target, state: "working", version: this.#taking.offer.version };
    const failure = book.lastFailure;
    if (!failure || failure.version === VERSION) return { target, state: "ready" };
    return { target, state: "failed", version: failure.version, message: failure.message.slice(0, 500) };
  }

  /** What the last answer offered; nothing: what was begun is given up. */
  offered(offer: UpgradeOffer | undefined): void {
    const { isOn, book, now } = this.#deps;
    if (this.#taking && this.#taking.offer.sha256 === offer?.sha256) return;
    this.#taking?.stop.abort();
    if (!offer || !isOn || this.#unable !== undefined || offer.version === VERSION) return;
    if (this.#taking || book.failureOf(offer.sha256, now())) return;
    const stop = new AbortController();
    const done = this.#take(offer, stop.signal).finally(() => {
      this.#taking = undefined;
      this.#deps.onChange();
    });
    this.#taking = { offer, stop, done };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#taking?.stop.abort();
    await this.#taking?.done;
  }

  async #take(offer: UpgradeOffer, signal: AbortSignal): Promise<void> {
    const { book, log, program, target, stateDir, trust, now, onReady } = this.#deps;
    const { version, sha256 } = offer;
    log.info("Taking another release of the agent", { from: VERSION, to: version });
    try {
      if (offer.target !== target) throw new Error(`It was made for ${offer.target}, and not for ${target}`);
      checkSignature(offer, trust(offer.release_key));
      const dir = join(stateDir, "upgrade");
      const archive = await this.#download(offer, dir, signal);
      if (archive === undefined || program === undefined) return;
      const staged = await stage(archive, offer, program);
      await rm(dir, { recursive: true, force: true });
      if (signal.aborted) return;
      // Written before: a process that is started from here on knows what it is.
      book.begin({ version, sha256, from: VERSION });
      swapIn(program, staged);
      onReady();
    } catch (err) {
      log.error("The release cannot be used", { version, reason: messageOf(err) });
      book.fail(offer, messageOf(err), now());
    }
  }

  /** For as long as it takes; undefined: given up. */
  async #download(offer: UpgradeOffer, dir: string, signal: AbortSignal): Promise<string | undefined> {
    const backoff = new Backoff(RETRY);
    while (!signal.aborted) {
      try {
        return await download(offer, { url: this.#deps.url, tls: this.#deps.tls?.(), dir, signal });
      } catch (err) {
        if (codeOf(err) !== "unavailable") throw err;
        if (!signal.aborted)
          this.#deps.log.warn("The release cannot be downloaded now", { reason: messageOf(err) });
      }
      await delay(backoff.next(), signal);
    }
    return undefined;
  }
}
