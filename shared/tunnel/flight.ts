const LEAST_BYTES = 128 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 256 * 1024;
/**
 * While others wait beside, on a way that is next to nothing. With the frame that goes beyond it that is two acknowledgements
 * (link.ts): with fewer the next one waits for a timer.
 */
const SHORT_BYTES = 192 * 1024;
/** So many times what fills the way: it grows as long as more of it brings more, and what queues takes no longer than the way. */
const GAIN = 2;
/** Until it is known what fills it: so many rounds in a row have brought hardly more than those before. TCP itself doubles. */
const [FIRST_GAIN, FULL_ROUNDS, HARDLY_MORE] = [3, 3, 1.25];
/** While it is looked how long the way is, so much of what fills it. */
const LOOKING = 0.5;
/** A way that is shorter is taken to be so long: acknowledgements of what is near come together. */
const LEAST_MS = 0.25;
/** So much of what an acknowledgement takes may be that it waited for others (link.ts). */
const HELD_MS = 1;
/** The rate is the best of so many rounds, each a round trip or so long. */
const ROUNDS = 8;
const ROUND_MS = 50;
/** The length of the way is looked at anew, for it may have become longer. */
const FORGET_MS = 20_000;
/** No sooner than this where it seems to be longer. */
const LOOK_PAUSE_MS = 1_000;
/** Acknowledgements may take so much longer than twice the way: then it is not as long as it was taken to be. */
const SLACK_MS = 15;
/** So many acknowledgements tell how long the way is, the shortest of them; fewer where they come far apart. */
const LOOKS = 8;
const LOOK_MS = 100;

/** What the acknowledgement of a frame tells. */
export interface Arrival {
  sentAt: number;
  now: number;
  /** What else was acknowledged since it was sent, with itself, and how long that took. */
  bytes: number;
  overMs: number;
}

interface Round {
  readonly since: number;
  rate: number;
  shortestMs: number;
  /** Of one arrival: no more than this was on the way at a time. */
  mostBytes: number;
}

/** Next to nothing queues, so that what an acknowledgement takes is the way alone. */
interface Look {
  readonly since: number;
  firstAt: number | undefined;
  left: number;
  shortestMs: number;
}

/**
 * How much of a link may be on its way: about twice what fills it, which is what comes through it within the time that the
 * way takes, the best of a second or so (as BBR does). What is sent beyond that lies in queues of the system, where a
 * stream that has just begun waits behind it; what is lost, or late because a machine is busy, changes nothing. How long
 * the way is without a queue is seen now and then with less on it.
 */
export class Flight {
  #window = FIRST_BYTES;
  #shortestMs = Number.POSITIVE_INFINITY;
  #shortestAt = 0;
  /** Bytes a millisecond in each of the rounds before this one, the newest last. */
  #rates: number[] = [];
  #round: Round | undefined;
  /** How many rounds have brought hardly more than this. */
  #full = { rounds: 0, rate: 0 };
  #isLimiting = false;
  #look: Look | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** What is enough for the way alone: each program on it passes on in one go what lies there, and others wait for that. */
  #shortWindow = SHORT_BYTES;
  /** Somebody waits beside whoever fills it. */
  hasCompany = false;

  get window(): number {
    return this.hasCompany ? Math.min(this.#window, this.#shortWindow) : this.#window;
  }

  /** The shortest round trip of late, milliseconds; undefined: none was measured. */
  get roundTripMs(): number | undefined {
    return Number.isFinite(this.#shortestMs) ? this.#shortestMs : undefined;
  }

  /** More would have been sent, had the window allowed it. */
  limited(): void {
    this.#isLimiting = true;
  }

  arrived({ sentAt, now, bytes, overMs }: Arrival): void {
    const ms = now - sentAt;
    if (ms <= this.#shortestMs) [this.#shortestMs, this.#shortestAt] = [ms, now];
    if (this.#look) {
      if (sentAt >= this.#look.since) this.#takeLook(this.#look, ms, now);
      return;
    }
    this.#round ??= { since: now, rate: 0, shortestMs: Number.POSITIVE_INFINITY, mostBytes: 0 };
    const round = this.#round;
    round.rate = Math.max(round.rate, bytes / Math.max(overMs, LEAST_MS));
    round.shortestMs = Math.min(round.shortestMs, ms);
    round.mostBytes = Math.max(round.mostBytes, bytes);
    const isOver = sentAt >= round.since && now - round.since >= ROUND_MS;
    if (this.#isLimiting || this.#rates.length > 0) this.#fit(Math.max(round.rate, ...this.#rates));
    if (!isOver) return;
    // What did not fill the window says nothing of what would have come through.
    if (this.#isLimiting) this.#noteRate(round.rate);
    const isLate = this.#isLimiting && round.shortestMs > GAIN * this.#shortestMs + SLACK_MS;
    const isLonger = isLate && now - this.#lookedAt > LOOK_PAUSE_MS;
    const isOld = now - this.#shortestAt > FORGET_MS;
    // With so little on it, as when somebody types, the way was looked at all the time.
    if (isOld && round.mostBytes < LEAST_BYTES)
      [this.#shortestMs, this.#shortestAt] = [round.shortestMs, now];
    else if (isLonger || isOld) this.#beginLook(now, round.rate);
    this.#isLimiting = false;
    this.#round = undefined;
  }

  get #isStarting(): boolean {
    return this.#full.rounds < FULL_ROUNDS;
  }

  #noteRate(rate: number): void {
    this.#rates = [...this.#rates.slice(1 - ROUNDS), rate];
    if (!this.#isStarting) return;
    const isMore = rate > HARDLY_MORE * this.#full.rate;
    this.#full = isMore ? { rounds: 0, rate } : { ...this.#full, rounds: this.#full.rounds + 1 };
  }

  #fit(rate: number): void {
    const gain = this.#isStarting ? FIRST_GAIN : GAIN;
    this.#window = this.#fitting(gain * rate * Math.max(this.#shortestMs, LEAST_MS));
    const wayMs = Math.max(this.#shortestMs - HELD_MS, 0);
    this.#shortWindow = Math.max(SHORT_BYTES, this.#fitting(gain * rate * wayMs));
  }

  #fitting(bytes: number): number {
    return Math.min(MOST_BYTES, Math.max(this.#isStarting ? FIRST_BYTES : LEAST_BYTES, bytes));
  }

  #beginLook(now: number, rate: number): void {
    this.#look = { since: now, firstAt: undefined, left: LOOKS, shortestMs: Number.POSITIVE_INFINITY };
    this.#lookedAt = now;
    const looking = LOOKING * rate * Math.max(this.#shortestMs, LEAST_MS);
    this.#window = Math.min(this.#window, this.#fitting(looking));
  }

  #takeLook(look: Look, ms: number, now: number): void {
    look.shortestMs = Math.min(look.shortestMs, ms);
    look.left -= 1;
    look.firstAt ??= now;
    if (look.left > 0 && now - look.firstAt < LOOK_MS) return;
    this.#look = undefined;
    [this.#shortestMs, this.#shortestAt] = [look.shortestMs, now];
    this.#fit(Math.max(0, ...this.#rates));
  }
}
