import { expect, test } from "bun:test";
import { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import { inOrder } from "./gatherOffers.ts";
import { groupByCpu, groupByGpu } from "./groupOffers.ts";

const offer = (name: string, price: number, availability: "idle" | "busy" = "idle", gpus = 1) =>
  InstanceOfferWithAvailability.parse({
    backend: "remote",
    region: "remote",
    price,
    availability,
    instance: {
      name,
      resources: {
        cpus: 2,
        memory_mib: 1024,
        spot: false,
        gpus: Array.from({ length: gpus }, () => ({ name, memory_mib: 1024, vendor: "nvidia" })),
      },
    },
  });

const OFFERS = [offer("L4", 1), offer("A100", 3, "busy"), offer("H100", 2), offer("B200", 9, "busy")];
const names = (offers: readonly { instance: { name: string } }[]) =>
  offers.map(({ instance }) => instance.name);

test("what can be had comes first; reversed, the dearest of it", () => {
  expect(names(inOrder(OFFERS, false))).toEqual(["L4", "H100", "A100", "B200"]);
  expect(names(inOrder(OFFERS, true))).toEqual(["H100", "L4", "B200", "A100"]);
});

test("groups are in the same order", () => {
  const groups = (isReversed: boolean) =>
    groupByGpu(OFFERS, { keys: [], isReversed }).map(({ name }) => name);
  expect(groups(false)).toEqual(["L4", "H100", "A100", "B200"]);
  expect(groups(true)).toEqual(["H100", "L4", "B200", "A100"]);
  const cheap = { ...offer("small", 1, "idle", 0), backend: "runpod" };
  const cpus = (isReversed: boolean) =>
    groupByCpu([cheap, offer("large", 2, "idle", 0)], { keys: ["backend"], isReversed }).map(
      ({ backend }) => backend,
    );
  expect(cpus(false)).toEqual(["runpod", "remote"]);
  expect(cpus(true)).toEqual(["remote", "runpod"]);
});
