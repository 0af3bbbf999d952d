import type { Db } from "../../store/db.ts";

/** Whoever has streams open, and looks at them again. */
interface Streams {
  /** Something that the right to them hangs on was written: all of them, or those of a run or a submission. */
  changed(what?: { submissionId?: string; runId?: string }): void;
}

/** Who somebody is, what they may enter, and with which keys. */
const TABLES = new Set(["users", "members", "projects", "public_keys"]);

/**
 * What was given is looked at again whenever anything was written that it hangs on, by whatever way: nothing has to
 * remember to revoke it. Returns how to stop that.
 */
export const watchRights = (db: Pick<Db, "$writes">, streams: Streams): (() => void) =>
  db.$writes.listen(({ table, id }) => {
    if (table === "submissions") streams.changed(id === undefined ? {} : { submissionId: id });
    else if (table === "runs") streams.changed(id === undefined ? {} : { runId: id });
    else if (TABLES.has(table)) streams.changed();
  });
