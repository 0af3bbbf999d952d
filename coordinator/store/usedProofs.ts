import { lt } from "drizzle-orm";
import { type Db, writeAll } from "./db.ts";
import { usedProofs } from "./joinTokensTable.ts";
import { isUniqueViolation } from "./uniqueness.ts";

/**
 * Notes a proof of a host's key; false: it was taken before. `endedAt`: proofs of before that moment are refused for
 * their age and need not be known any more.
 */
export const useProof = async (
  db: Db,
  { publicKey, at, endedAt }: { publicKey: string; at: number; endedAt: number },
): Promise<boolean> => {
  try {
    await writeAll(db, [
      db.delete(usedProofs).where(lt(usedProofs.at, endedAt)),
      db.insert(usedProofs).values({ public_key: publicKey, at }),
    ]);
    return true;
  } catch (err) {
    if (isUniqueViolation(err)) return false;
    throw err;
  }
};
