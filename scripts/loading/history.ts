import { openStore, type Statement, writeAll } from "../../coordinator/store/db.ts";
import { runs, submissions } from "../../coordinator/store/schema.ts";

const BATCH = 500;

/** Copies the one run of a coordinator that does not run, as if it had been run many times. */
export const insertHistory = async (path: string, count: number): Promise<void> => {
  await using store = await openStore({ url: `file:${path}` });
  const { db } = store;
  const run = (await db.select().from(runs)).at(-1);
  const submission = (await db.select().from(submissions)).at(-1);
  if (!run || !submission) throw new Error("There is no run to copy");
  for (let done = 0; done < count; done += BATCH) {
    const statements = Array.from({ length: Math.min(BATCH, count - done) }, (_, at): Statement[] => {
      const id = crypto.randomUUID();
      const name = `old-${done + at}`;
      const submitted_at = run.submitted_at - (done + at + 1) * 1_000;
      return [
        db.insert(runs).values({ ...run, id, name, submitted_at }),
        db.insert(submissions).values({ ...submission, id: crypto.randomUUID(), run_id: id, submitted_at }),
      ];
    });
    await writeAll(db, statements.flat());
  }
};
