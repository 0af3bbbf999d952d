import type { Db } from "../store/db.ts";
import { events } from "../store/schema.ts";

/** Every event that is stored, oldest first, with whom it tells of: "[job train-0-0, instance lab-0] Job assigned …". */
export const listTold = async (db: Db): Promise<string[]> =>
  (await db.select().from(events).orderBy(events.recorded_at)).flatMap(({ told }) =>
    told.map(({ message, targets }) => {
      const whom = targets.map(({ type, name }) => `${type} ${name}`);
      return `[${whom.join(", ")}] ${message}`;
    }),
  );
