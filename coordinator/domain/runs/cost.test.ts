import { expect, test } from "bun:test";
import { anInstance } from "../../testing/anInstance.ts";
import { anOffer } from "../../testing/fakeBackend.ts";
import { provisioningDataOf } from "../instances/provisioningData.ts";
import { costOf } from "./cost.ts";

const HOUR_MS = 3_600_000;

const placed = (price: number, submitted_at: number, finished_at: number | null) => ({
  provisioning_data: provisioningDataOf(
    anInstance({ made: { offer: anOffer({ price }), data: null } }),
    null,
    { gpu_ids: [] },
  ),
  submitted_at,
  finished_at,
});

// docs/spec/lifecycle.md §1.1
test.each([
  ["nothing was ever placed", [{ provisioning_data: null, submitted_at: 0, finished_at: HOUR_MS }], 0],
  ["an hour", [placed(2, 0, HOUR_MS)], 2],
  ["until now, counted from its submission", [placed(2, HOUR_MS, null)], 6],
  ["all attempts together", [placed(2, 0, HOUR_MS), placed(1, HOUR_MS, 2 * HOUR_MS)], 3],
  ["to four digits", [placed(1, 0, HOUR_MS / 3)], 0.3333],
  ["the sum is rounded, not its parts", [1, 2, 3].map(() => placed(0.00004, 0, HOUR_MS)), 0.0001],
  ["a clock that was put back takes nothing off", [placed(2, HOUR_MS, 0)], 0],
])("costOf(): %s", (_, attempts, cost) => {
  expect(costOf(attempts, 4 * HOUR_MS)).toBe(cost);
});
