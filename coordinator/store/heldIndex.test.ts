import { expect, test } from "bun:test";
import fc from "fast-check";
import { HeldIndex } from "./heldIndex.ts";
import type { RowChange } from "./rowCache.ts";
import type { SubmissionRow } from "./submissions.ts";

type Facts = Pick<SubmissionRow, "id" | "instance_id" | "log_complete">;

const row = (facts: Facts): SubmissionRow => facts as SubmissionRow;
const heldBy = (rows: readonly Facts[], host: string): string[] =>
  rows.filter((one) => one.instance_id === host && !one.log_complete).map(({ id }) => id);

/** What happens to attempts: they come, are given to a host unless they have ended before, are whole, are deleted. */
const event = fc.record({
  kind: fc.constantFrom("add", "place", "end", "remove", "other", "read", "fail"),
  id: fc.constantFrom("a", "b", "c", "d"),
  host: fc.constantFrom("one", "two"),
});

const changeOf = (rows: readonly Facts[], { kind, id, host }: { kind: string; id: string; host: string }) => {
  const known = rows.find((one) => one.id === id);
  const change = (patch: Partial<SubmissionRow>): RowChange => ({
    table: "submissions",
    kind: "changed",
    id,
    patch,
  });
  if (kind === "add" && !known)
    return {
      table: "submissions",
      kind: "added",
      row: row({ id, instance_id: null, log_complete: false }),
    } as const;
  if (!known) return undefined;
  if (kind === "place" && known.instance_id === null && !known.log_complete)
    return change({ instance_id: host });
  if (kind === "end") return change({ log_complete: true });
  if (kind === "remove") return { table: "submissions", kind: "removed", id } as const;
  if (kind === "other") return change({ exit_status: 1 });
  return undefined;
};

const written = (rows: readonly Facts[], change: RowChange): Facts[] => {
  if (change.table === "runs") return [...rows];
  if (change.kind === "added") return [...rows, change.row];
  if (change.kind === "removed") return rows.filter(({ id }) => id !== change.id);
  return rows.map((one) => (one.id === change.id ? { ...one, ...change.patch } : one));
};

test("whatever is written, what is remembered is what is stored", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const index = new HeldIndex();
      let rows: Facts[] = [];
      for (const one of events) {
        if (one.kind === "read") index.keep(one.host, heldBy(rows, one.host), index.version);
        const change = changeOf(rows, one);
        if (change) {
          index.noteWriting(change);
          // A write that has failed may yet have happened.
          rows = written(rows, change);
          index.noteWritten(change, one.host === "two" && one.kind === "end" ? "unknown" : "changed");
        }
        for (const [host, held] of index) expect([...held].sort()).toEqual(heldBy(rows, host).sort());
      }
    }),
  );
});

test("what was read while a job came is not kept", () => {
  const index = new HeldIndex();
  const { version } = index;
  const change: RowChange = { table: "submissions", kind: "changed", id: "a", patch: { instance_id: "one" } };
  index.noteWriting(change);
  index.keep("one", [], version);
  expect(index.find("one")).toBeUndefined();
  const during = index.version;
  index.noteWritten(change, "changed");
  index.keep("one", [], during);
  expect(index.find("one")).toBeUndefined();
});

test("a write that its guard refused changes nothing", () => {
  const index = new HeldIndex();
  index.keep("one", ["a"], index.version);
  const change: RowChange = { table: "submissions", kind: "changed", id: "a", patch: { log_complete: true } };
  index.noteWriting(change);
  index.noteWritten(change, "unchanged");
  expect([...(index.find("one") ?? [])]).toEqual(["a"]);
});
