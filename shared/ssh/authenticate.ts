import { timingSafeEqual } from "node:crypto";
import ssh2, { type AuthContext, type Connection, type ParsedKey } from "ssh2";
import { delay } from "../async/delay.ts";

export interface Door {
  /**
   * Public keys, of which each lets in who comes under this name. `offered`: that of this try, or nothing. All are in the
   * form of `authorized_keys`.
   */
  keysOf(name: string, offered: string): readonly string[] | Promise<readonly string[]>;
  /**
   * Somebody has proved to have one of them, and waits. False: they are not let in all the same, and the connection has
   * been ended.
   */
  admit?(name: string): Promise<boolean>;
  /** A refusal is told no sooner than this after it was asked for, so that the time it takes says nothing. */
  refuseAfterMs?: number;
  /** What is wrong here, and not with the client: nobody is let in. */
  failed(err: unknown): void;
}

/** What cannot be read (options, hardware keys) lets nobody in. */
const parseKeys = (lines: readonly string[]): ParsedKey[] =>
  lines.flatMap((line) => {
    const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(line.trim());
    return parsed instanceof Error ? [] : parsed;
  });

/** How often a client may fail to prove that a key is its own. */
const MOST_FAILURES = 3;
/** Clients offer all keys that they have before they prove one. */
const MOST_OFFERS = 16;

const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** Lets in who has one of the door's keys; ends the connection of who has none. A client keeps to one name (ssh2). */
export const authenticate = (client: Connection, door: Door): void => {
  let [failures, offers] = [0, 0];

  const isAllowed = async (asked: AuthContext): Promise<"offer" | "proof" | undefined> => {
    const offered =
      asked.method === "publickey" ? `${asked.key.algo} ${asked.key.data.toString("base64")}` : "";
    const keys = parseKeys(await door.keysOf(asked.username, offered));
    if (asked.method !== "publickey") return undefined;
    // All are compared, so that the time it takes says nothing about which it is.
    const [key] = keys.filter((one) => isSame(one.getPublicSSH(), asked.key.data));
    const { signature, blob, hashAlgo } = asked;
    if (key && !signature) return "offer";
    return key && signature && blob && key.verify(blob, signature, hashAlgo) === true ? "proof" : undefined;
  };

  const answer = async (asked: AuthContext): Promise<void> => {
    const soonest = delay(door.refuseAfterMs ?? 0);
    const shown = await isAllowed(asked);
    if (shown === "offer") return asked.accept();
    if (shown === "proof") {
      if ((await door.admit?.(asked.username)) !== false) asked.accept();
      return;
    }
    await soonest;
    if (asked.method === "publickey" && !asked.signature) offers += 1;
    else if (asked.method !== "none") failures += 1;
    asked.reject(["publickey"]);
    if (failures >= MOST_FAILURES || offers >= MOST_OFFERS) client.end();
  };

  client.on("authentication", (asked: AuthContext) => {
    answer(asked).catch((err: unknown) => {
      door.failed(err);
      asked.reject(["publickey"]);
      client.end();
    });
  });
};
