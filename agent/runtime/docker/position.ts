import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";

/** From here on both grow alike: byte `source` of what the job printed stands at byte `spool` of its spool. */
const Position = z.object({ source: z.number().int().nonnegative(), spool: z.number().int().nonnegative() });
export type Position = z.infer<typeof Position>;

const pathOf = (spoolPath: string): string => `${spoolPath}.position`;

export const findPosition = (spoolPath: string): Position | undefined => {
  try {
    return Position.parse(JSON.parse(readFileSync(pathOf(spoolPath), "utf8")));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

export const writePosition = (spoolPath: string, position: Position): void => {
  const path = pathOf(spoolPath);
  writeFileSync(`${path}.part`, JSON.stringify(position), { mode: 0o600 });
  renameSync(`${path}.part`, path);
};
