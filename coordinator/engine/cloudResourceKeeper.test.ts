import { expect, test } from "bun:test";
import { join } from "node:path";
import { VolumeConfiguration } from "../../shared/config/volume.ts";
import { createLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { NO_CLOUDS } from "../domain/backends/clouds.ts";
import { openStore } from "../store/db.ts";
import { eventTeller } from "../store/events.ts";
import { insertVolume, listVolumesByNames, markVolumesDeleted, type VolumeRow } from "../store/volumes.ts";
import { listTold } from "../testing/listTold.ts";
import { CloudResourceKeeper } from "./cloudResourceKeeper.ts";

const configuration = VolumeConfiguration.parse({
  type: "volume",
  name: "scratch",
  backend: "runpod",
  region: "EU-1",
  size: "1GB",
});

const aVolume = (name: string): VolumeRow => ({
  id: `id-of-${name}`,
  project_id: "p",
  user_id: "u",
  name,
  configuration,
  status: "submitted",
  status_message: null,
  created_at: 0,
  last_processed_at: 0,
  deleted: false,
  deleted_at: null,
});

test("what was asked for before the coordinator ended is looked after when it starts, and only what is there", async () => {
  using dir = tempDir();
  await using store = await openStore({ url: `file:${join(dir.path, "c.db")}` });
  const { db } = store;
  for (const name of ["kept", "gone"]) await insertVolume(db, aVolume(name), []);
  await markVolumesDeleted(db, ["id-of-gone"], 1);
  const clock = new FakeClock();
  const tell = eventTeller(db, clock, { ttlS: 60 });
  const log = createLogger({ level: "error", format: "text", write: () => {} });
  const keeper = new CloudResourceKeeper({ db, tell, clock, log, clouds: NO_CLOUDS });
  keeper.wake();
  await keeper.close();
  expect(await listVolumesByNames(db, "p", ["kept", "gone"])).toMatchObject([
    {
      name: "kept",
      status: "failed",
      status_message: expect.stringContaining("Backend runpod not available"),
    },
  ]);
  expect(await listTold(db)).toEqual([
    expect.stringMatching(/^\[volume kept\] Volume status changed SUBMITTED -> FAILED \(Backend runpod/),
  ]);
});

test("once closed, it begins nothing", async () => {
  using dir = tempDir();
  await using store = await openStore({ url: `file:${join(dir.path, "c.db")}` });
  const { db } = store;
  const clock = new FakeClock();
  const tell = eventTeller(db, clock, { ttlS: 60 });
  const log = createLogger({ level: "error", format: "text", write: () => {} });
  const keeper = new CloudResourceKeeper({ db, tell, clock, log, clouds: NO_CLOUDS });
  await keeper.close();
  await insertVolume(db, aVolume("late"), []);
  keeper.wake();
  await keeper.close();
  expect(await listVolumesByNames(db, "p", ["late"])).toMatchObject([{ status: "submitted" }]);
});
