import { z } from "zod";
import { Sha256, Uuid } from "./scalars.ts";

/** An uploaded tar; the id is what a run spec names (docs/spec/http-api.md §2.5). */
export const FileArchive = z.object({ id: Uuid, hash: Sha256 });
export type FileArchive = z.infer<typeof FileArchive>;

export const GetArchiveByHashRequest = z.object({ hash: z.string() });
export type GetArchiveByHashRequest = z.infer<typeof GetArchiveByHashRequest>;
