import type { Client } from "@libsql/client";
import type { Db } from "../store/db.ts";

/**
 * The process dies right after the `count`-th commit from now on, as by `kill -9`: what was committed is stored, and
 * nothing of what was to follow happens. Resolves at its death.
 */
export const killAfterCommit = (
  { $client: client }: { $client: Client } & Pick<Db, "batch">,
  count = 1,
): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const never = <T>(): Promise<T> => new Promise(() => {});
  const { execute, batch } = client;
  let left = count;
  const die = <T>(): Promise<T> => {
    Object.assign(client, { execute: never, batch: never });
    client.close();
    resolve();
    return never();
  };
  Object.assign(client, {
    execute: async (...args: Parameters<Client["execute"]>) => {
      const result = await execute.apply(client, args);
      const isWrite = result.rowsAffected > 0 && result.columns.length === 0;
      return isWrite && --left === 0 ? die() : result;
    },
    batch: async (...args: Parameters<Client["batch"]>) => {
      const results = await batch.apply(client, args);
      return --left === 0 ? die() : results;
    },
  });
  return promise;
};
