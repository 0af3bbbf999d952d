import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Db } from "./db.ts";
import { settings } from "./schema.ts";

/** How long a coordinator that was killed keeps others from its database; its own restart is not kept. */
const LEASE_S = 30;
const RENEW_MS = 10_000;

const KEY = "owner";

const Owner = z.object({ epoch: z.string(), holder: z.string(), name: z.string(), expires_at: z.number() });
type Owner = z.infer<typeof Owner>;

export interface OwnershipOptions {
  /** Names the installation: whoever starts with the same one takes over at once (holderOf). */
  holder: string;
  /** For people: which machine, which process. */
  name: string;
  clock: Clock;
  log: Logger;
  /** The database is another's: nothing may be written any more. */
  onLost: () => void;
}

/** Work on a database by one coordinator, until disposed. */
export interface Ownership extends AsyncDisposable {
  epoch: string;
}

/**
 * Takes the database for this process, or throws `conflict` where another coordinator works on it. All times are the
 * database's own, so that the clocks of machines may differ.
 */
export const claimOwnership = async (db: Db, options: OwnershipOptions): Promise<Ownership> => {
  const { holder, name, clock, log, onLost } = options;
  const epoch = crypto.randomUUID();
  const value = sql<string>`json_object('epoch', ${epoch}, 'holder', ${holder}, 'name', ${name}, 'expires_at', unixepoch() + ${LEASE_S})`;
  const isFree = sql`json_extract(${settings.value}, '$.expires_at') <= unixepoch() OR json_extract(${settings.value}, '$.holder') = ${holder}`;
  const taken = await db
    .insert(settings)
    .values({ key: KEY, value })
    .onConflictDoUpdate({ target: settings.key, set: { value }, setWhere: isFree })
    .returning({ key: settings.key });
  if (taken.length === 0) throw refusal(await findOwner(db));
  const mine = and(eq(settings.key, KEY), sql`json_extract(${settings.value}, '$.epoch') = ${epoch}`);

  let renewedAt = clock.now();
  let isOver = false;
  const renew = async (): Promise<void> => {
    try {
      const kept = await db.update(settings).set({ value }).where(mine).returning({ key: settings.key });
      if (kept.length === 0) return lose("Another coordinator has taken over the database");
      renewedAt = clock.now();
    } catch (err) {
      log.warn("The database cannot be kept for this coordinator right now", { reason: messageOf(err) });
      if (clock.now() - renewedAt > (LEASE_S * 1000) / 2)
        return lose("The database was out of reach for too long: another coordinator may have taken it over");
    }
    schedule();
  };
  const lose = (why: string): void => {
    if (isOver) return;
    isOver = true;
    log.error(why, { epoch });
    onLost();
  };
  let cancel = (): void => {};
  let renewing = Promise.resolve();
  const schedule = (): void => {
    if (isOver) return;
    cancel = clock.after(RENEW_MS, () => {
      renewing = renew();
    });
  };
  schedule();
  return {
    epoch,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      cancel();
      await renewing;
      await db.delete(settings).where(mine);
    },
  };
};

const findOwner = async (db: Db): Promise<Owner | undefined> => {
  const [row] = await db.select().from(settings).where(eq(settings.key, KEY));
  return row && Owner.parse(JSON.parse(row.value));
};

const refusal = (owner: Owner | undefined): AppError =>
  new AppError(
    "conflict",
    `Another coordinator works on this database: ${owner?.name ?? "one that has just gone"}`,
    {
      hint: `Stop it first. One that was killed on another machine is waited for: try again in ${LEASE_S} seconds`,
    },
  );

/** The name of an installation, kept in a file beside its other state. */
export const holderOf = (path: string): string => {
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const holder = crypto.randomUUID();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${holder}\n`, { mode: 0o600 });
  return holder;
};
