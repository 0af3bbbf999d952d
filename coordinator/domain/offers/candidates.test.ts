import { describe, expect, test } from "bun:test";
import { RunSpec } from "../../../shared/api/runs.ts";
import { getJobSpecs } from "../../../shared/config/jobSpecs.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { anInstance } from "../../testing/anInstance.ts";
import { anOffer } from "../../testing/fakeBackend.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import { wholeOf } from "../instances/occupancy.ts";
import { findCandidates, type WantedInstance } from "./candidates.ts";

const wanted = (configuration: Record<string, unknown>): WantedInstance => {
  const small = { resources: { cpu: "1..", memory: "1GB..", disk: null } };
  const spec = RunSpec.parse({
    configuration: { type: "task", commands: ["true"], ...small, ...configuration },
  });
  const [jobSpec] = getJobSpecs(spec, { runName: "r", defaultPython: "3.12" });
  if (!jobSpec) throw new Error("A task has a job");
  return { spec, jobSpec };
};

const host = (
  name: string,
  options: {
    inventory?: Partial<Inventory>;
    row?: Partial<InstanceRow>;
    fleet?: string;
    busy?: boolean;
  } = {},
): CapacityEntry => {
  const instance = anInstance(
    { name, status: options.busy ? "busy" : "idle", ...options.row },
    {
      hostname: `${name}.lan`,
      disk_mib: 100_000,
      addresses: ["10.0.0.7/24"],
      runtime: "docker",
      ...options.inventory,
    },
  );
  const occupants = new Map(options.busy ? [["s", wholeOf({ instance })]] : []);
  return { instance, fleetName: options.fleet ?? "lab", occupants };
};

const gpu = (index: number) => ({
  vendor: "nvidia" as const,
  raw_name: "NVIDIA H100 80GB HBM3",
  id: `GPU-${index}`,
  index,
  memory_mib: 81_559,
});

const amd = {
  vendor: "amd" as const,
  raw_name: "AMD Instinct MI210",
  id: "/dev/dri/renderD128",
  index: 0,
  memory_mib: 65_520,
};

const namesOf = (entries: CapacityEntry[], configuration: Record<string, unknown> = {}) =>
  findCandidates(entries, wanted(configuration)).fitting.map(({ entry }) => entry.instance.name);

const whyNone = (entries: CapacityEntry[], configuration: Record<string, unknown> = {}) =>
  findCandidates(entries, wanted(configuration)).whyNone;

describe("findCandidates()", () => {
  test("a host with several vendors' devices is a candidate for each that fits", () => {
    const entries = [host("mixed", { inventory: { gpus: [gpu(0), gpu(1), amd] } })];
    const vendorsFor = (configuration: Record<string, unknown>) =>
      findCandidates(entries, wanted(configuration)).fitting.map(({ vendor }) => vendor);
    const asking = (asked: unknown) => ({
      image: "theirs",
      resources: { cpu: "1..", memory: "1GB..", disk: null, gpu: asked },
    });
    expect(vendorsFor(asking("H100:2"))).toEqual(["nvidia"]);
    expect(vendorsFor(asking("amd:1"))).toEqual(["amd"]);
    expect(vendorsFor(asking("1.."))).toEqual(["nvidia", "amd"]);
    expect(whyNone(entries, asking("MI300X:8"))).toBe(
      "Fleet is at capacity: mixed needs 8 MI300X GPUs, the host has H100:80GB:2, or needs 8 MI300X GPUs, the host has MI210:64GB:1",
    );
  });

  test("prefers free hosts, then the least capable ones", () => {
    const entries = [
      host("gpus", { inventory: { gpus: [gpu(0)] } }),
      host("busy", { inventory: { cpus: 1 }, busy: true }),
      host("big", { inventory: { cpus: 64 } }),
      host("small", { inventory: { cpus: 2 } }),
    ];
    expect(namesOf(entries)).toEqual(["small", "big", "gpus", "busy"]);
  });

  test("prefers the cheapest, whatever it has more", () => {
    const hired = (name: string, price: number, cpus: number) =>
      host(name, { inventory: { cpus }, row: { made: { offer: anOffer({ price }), data: null } } });
    const entries = [hired("dear", 3, 2), hired("cheap", 1, 64), hired("middle", 2, 4)];
    expect(namesOf(entries)).toEqual(["cheap", "middle", "dear"]);
    expect(namesOf(entries, { max_price: 2 })).toEqual(["cheap", "middle"]);
    expect(namesOf([...entries, host("own")])).toEqual(["own", "cheap", "middle", "dear"]);
  });

  test("leaves out hosts that cannot be reached or are on their way out", () => {
    const entries = [
      host("silent", { row: { unreachable: true } }),
      host("leaving", { row: { status: "terminating" } }),
    ];
    expect(namesOf(entries)).toEqual([]);
    expect(whyNone(entries)).toBe("Fleet is at capacity: silent cannot be reached; leaving is terminating");
  });

  test("a host gives no job a device that fails, and takes none once all of them do", () => {
    const lost = { ...gpu(1), health: { status: "failure" as const, reason: "GPU is lost" } };
    const one = host("one", { inventory: { gpus: [gpu(0)], held_out_gpus: [lost] } });
    const none = host("none", { inventory: { gpus: [], held_out_gpus: [lost] } });
    expect(namesOf([one, none], { resources: { gpu: 1, cpu: "1..", memory: "1GB..", disk: null } })).toEqual([
      "one",
    ]);
    expect(namesOf([none])).toEqual([]);
    const two = { resources: { gpu: 2, cpu: "1..", memory: "1GB..", disk: null } };
    expect(whyNone([one], two)).toContain("(held out: NVIDIA H100 80GB HBM3, GPU is lost)");
    expect(whyNone([none])).toContain("none is not used: none of its devices is fit for work");
  });

  test("honours fleets and instances", () => {
    const entries = [
      host("lab-0"),
      host("den-0", { fleet: "den", row: { instance_num: 3 }, inventory: { addresses: ["10.9.9.9/8"] } }),
    ];
    expect(namesOf(entries, { fleets: ["den"] })).toEqual(["den-0"]);
    expect(namesOf(entries, { instances: ["lab-0"] })).toEqual(["lab-0"]);
    expect(namesOf(entries, { instances: [{ hostname: "10.9.9.9" }] })).toEqual(["den-0"]);
    expect(namesOf(entries, { instances: [{ hostname: "lab-0.lan" }] })).toEqual(["lab-0"]);
    expect(namesOf(entries, { instances: [{ fleet: "den", instance: 3 }] })).toEqual(["den-0"]);
    expect(whyNone(entries, { fleets: ["none"] })).toBe(
      "Failed to use specified fleets: no host of this project is among them",
    );
    expect(whyNone(entries, { instances: ["none"] })).toStartWith("Failed to use specified instances");
  });

  test("an own image needs a container engine; the default one does not", () => {
    const entries = [
      host("bare", { inventory: { runtime: "process", no_docker_reason: "no socket", arch: "arm" } }),
    ];
    expect(namesOf(entries)).toEqual(["bare"]);
    expect(namesOf(entries, { image: "busybox" })).toEqual([]);
    expect(whyNone(entries, { image: "busybox" })).toBe(
      "Fleet is at capacity: bare has no container engine for the image (no socket)",
    );
    const hardware = { ...wanted({ image: "busybox" }), ignoreRuntime: true };
    expect(findCandidates(entries, hardware).fitting).toHaveLength(1);
  });

  test("hosts are of backend and region remote, and in any zone", () => {
    const entries = [host("a")];
    expect(namesOf(entries, { backends: ["remote"], regions: ["Remote"] })).toEqual(["a"]);
    expect(namesOf(entries, { availability_zones: ["eu-1a"] })).toEqual(["a"]);
    expect(whyNone(entries, { backends: ["aws"] })).toBe(
      "Fleet is at capacity: a does not fit: only backends aws may be used, this is remote",
    );
    expect(namesOf(entries, { regions: ["eu-west-1"] })).toEqual([]);
    expect(namesOf(entries, { instance_types: ["p5.48xlarge"] })).toEqual([]);
    expect(namesOf(entries, { spot_policy: "spot" })).toEqual([]);
  });

  test("says what each host lacks, but names only a few", () => {
    const entries = ["a", "b", "c", "d"].map((name) => host(name));
    const why = whyNone(entries, { resources: { gpu: "H100:8" } });
    expect(why).toStartWith("Fleet is at capacity: a needs");
    expect(why).toEndWith("; and 1 more");
    expect(whyNone([])).toBe("No matching fleet found: no host has joined this project");
  });
});
