import { describe, expect, test } from "bun:test";
import { anInstance } from "../../testing/anInstance.ts";
import { findFormer } from "./formerInstance.ts";

const HOST = { publicKey: "new key", machine: "m".repeat(64), hostname: "gpu-1" };
const SAME = { machine: HOST.machine, hostname: HOST.hostname };
const OTHER = { machine: "n".repeat(64), hostname: "gpu-1" };

const gone = { deleted: true, status: "terminated" } as const;
const silent = { unreachable: true } as const;

/** One instance as it was, and what becomes of it when the host joins. */
const CASES: [string, ReturnType<typeof anInstance>, object, "taken" | "silent" | "another"][] = [
  ["the machine, removed", anInstance(gone, SAME), {}, "taken"],
  ["the machine, silent", anInstance(silent, SAME), {}, "silent"],
  ["the machine, silent with a job", anInstance(silent, SAME), { hasJobs: true }, "another"],
  ["the machine, there", anInstance({}, SAME), {}, "another"],
  ["the machine, removed, its number used again", anInstance(gone, SAME), { isNumberTaken: true }, "another"],
  ["the machine under another name", anInstance(gone, { ...SAME, hostname: "gpu-2" }), {}, "another"],
  ["another machine of that name", anInstance(gone, OTHER), {}, "another"],
  ["a machine that is not known", anInstance(gone, { hostname: HOST.hostname }), {}, "another"],
  ["the key, removed", anInstance({ ...gone, public_key: HOST.publicKey }, OTHER), {}, "taken"],
];

describe.each(CASES)(
  "a host that was %s",
  (_, row, {
    hasJobs = false,
    isNumberTaken = false,
  }: {
    hasJobs?: boolean;
    isNumberTaken?: boolean;
  }, expected) => {
    test(`is ${expected === "another" ? "another instance" : "that instance again"}`, () => {
      const found = findFormer([row], HOST, { hasJobs: () => hasJobs, isTaken: () => isNumberTaken });
      expect(found === undefined ? "another" : found.isSilent ? "silent" : "taken").toBe(expected);
      if (found) expect(found.hasKey).toBe(row.public_key === HOST.publicKey);
    });
  },
);

test("of several, the last one that is free", () => {
  const rows = [
    anInstance({ instance_num: 5 }, SAME),
    anInstance({ ...gone, instance_num: 3 }, SAME),
    anInstance({ ...gone, instance_num: 1 }, SAME),
  ];
  const found = findFormer(rows, HOST, { hasJobs: () => false, isTaken: (num) => num === 5 });
  expect(found?.row.instance_num).toBe(3);
});

test("a host that says nothing of its machine is no machine that said nothing either", () => {
  const row = anInstance(gone, { hostname: "gpu-1" });
  const free = { hasJobs: () => false, isTaken: () => false };
  expect(findFormer([row], { ...HOST, machine: undefined }, free)).toBeUndefined();
});
