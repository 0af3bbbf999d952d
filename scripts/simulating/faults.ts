import type { Random } from "./random.ts";

/** What may go wrong, each with how often: a share of the occasions, drawn anew for every seed. */
const FAULTS = {
  /** The coordinator is killed, at a read or write of the store as at any other moment. */
  crash: 0.004,
  /** An agent is killed; its jobs go on. */
  agentCrash: 0.01,
  /** An agent is killed, and nobody starts it again for minutes. */
  agentDeath: 0.006,
  /** A host is switched off and on: its jobs are gone too. */
  reboot: 0.003,
  /** A host and the coordinator cannot reach each other, for seconds or minutes. */
  partition: 0.01,
  /** A host that was just given a job is cut off, before it can say that it has it; that, or worse. */
  atGift: 0.3,
  /** A request or its answer does not arrive. */
  loss: 0.1,
  /** A request arrives a second time, perhaps much later. */
  duplicate: 0.1,
  /** A request or an answer takes seconds. */
  delay: 0.1,
  /** The clock of a machine is put forward or back. */
  clockJump: 0.01,
  /** The store answers late. */
  slowStore: 0.3,
  /** The store fails now and then: a database out of reach. */
  storeError: 0.01,
  /** The coordinator's disk is full for a while: what is there can be read, and nothing written. */
  fullDisk: 0.003,
  /** A host's disk is full for a while: its agent cannot write down what it is given, or what happens. */
  fullHostDisk: 0.004,
  /** The cloud refuses what it is asked for, or loses a machine before it has come. */
  cloudRefusal: 0.2,
  /** A disk is copied to another host after its agent has joined. */
  clone: 0.0015,
} as const;
export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as Fault[];

/** Who asks for a few faults wants to see those. */
const FEW = 4;
export const isFew = (allowed: ReadonlySet<Fault>): boolean => allowed.size <= FEW;

/** How likely each fault is now; all are 0 once the faults have stopped. */
export type Likelihoods = Record<Fault, number>;

/** Some faults often, some seldom, some not at all: what many seeds together try is more than any fixed mixture. */
export const drawFaults = (random: Random, allowed: ReadonlySet<Fault>): Likelihoods => {
  const drawn = FAULT_NAMES.map((fault) => {
    const share = random.chance(isFew(allowed) ? 0.9 : 0.5) ? random.next() * 2 : 0;
    return [fault, allowed.has(fault) ? FAULTS[fault] * share : 0];
  });
  return Object.fromEntries(drawn) as Likelihoods;
};

export const noFaults = (): Likelihoods =>
  Object.fromEntries(FAULT_NAMES.map((fault) => [fault, 0])) as Likelihoods;
