import { timingSafeEqual } from "node:crypto";
import ssh2, { type AuthContext, type Connection, type ParsedKey } from "ssh2";

/** Public keys of the form of `authorized_keys`; what cannot be read (options, hardware keys) lets nobody in. */
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

/** Lets in, under any name, who has one of these keys; ends the connection of who has none. */
export const authenticate = (client: Connection, keys: readonly string[]): void => {
  const allowed = parseKeys(keys);
  let [failures, offers] = [0, 0];
  client.on("authentication", (asked: AuthContext) => {
    if (asked.method === "publickey") {
      // All are compared, so that the time it takes says nothing about which it is.
      const [key] = allowed.filter((one) => isSame(one.getPublicSSH(), asked.key.data));
      const { signature, blob, hashAlgo } = asked;
      if (key && !signature) return asked.accept();
      if (key && signature && blob && key.verify(blob, signature, hashAlgo) === true) return asked.accept();
      if (signature) failures += 1;
      else offers += 1;
    } else if (asked.method !== "none") failures += 1;
    asked.reject(["publickey"]);
    if (failures >= MOST_FAILURES || offers >= MOST_OFFERS) client.end();
  });
};
