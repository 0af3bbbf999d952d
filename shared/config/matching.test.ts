import { describe, expect, test } from "bun:test";
import { countBlocks, fitBlocks, shareOf } from "../resources/blocks.ts";
import { Resources } from "../resources/offered.ts";
import { Requirements } from "../resources/requirements.ts";
import { DIFFERENT } from "../testing/differences.ts";
import { goldenList } from "../testing/golden.ts";
import { whyNotThere } from "./placing.ts";
import { Profile } from "./profile.ts";

interface Instance {
  backend: string;
  region: string;
  instance_type: string;
  price: number;
  disk_mib: number;
  availability_zones?: string[];
  availability_zone?: string;
  total_blocks?: number;
  unreachable?: boolean;
  health?: string;
  cpu_arch: string;
  busy_blocks?: number;
}

interface Match {
  kind: "offer" | "host";
  written: { multinode?: boolean; resources: unknown };
  requirements: unknown;
  instance: Instance;
  matches: boolean;
  taken_blocks?: number;
  "in 0.22"?: { matches: boolean };
}

const golden = goldenList("matching.json") as Match[];

/** Rules that are not matching: an instance in such a state is not offered by the coordinator at all. */
const isOtherRule = ({ instance, written }: Match): boolean =>
  instance.unreachable === true ||
  instance.health === "failure" ||
  (written.multinode === true && (instance.busy_blocks ?? 0) > 0) ||
  // Which clouds cannot connect several nodes is those backends' matter.
  (written.multinode === true && instance.backend !== "remote");

const isKnownDifference = ({ instance }: Match): boolean =>
  "part of an ARM host" in DIFFERENT && instance.cpu_arch === "arm" && (instance.total_blocks ?? 1) > 1;

const resourcesOf = (instance: Instance): Resources =>
  Resources.parse({ ...instance, disk: { size_mib: instance.disk_mib } });

const zonesOf = ({ kind, instance }: Match): string[] | null => {
  if (kind === "offer") return instance.availability_zones ?? [];
  return instance.availability_zone === undefined ? null : [instance.availability_zone];
};

const place = (match: Match) => {
  const { written, instance } = match;
  const { resources, multinode, ...placement } = written;
  const where = { ...instance, availability_zones: zonesOf(match) };
  const there = whyNotThere(Profile.parse(placement), where);
  const requirements = {
    ...Requirements.parse(match.requirements),
    multinode: multinode ?? null,
  };
  const total = instance.total_blocks ?? 1;
  const fit = fitBlocks(requirements, resourcesOf(instance), { total, price: instance.price });
  return there === undefined && "blocks" in fit ? fit.blocks : undefined;
};

const nameOf = ({ kind, written, instance }: Match) =>
  `${kind} ${JSON.stringify(written)} ${instance.instance_type}`;

describe("matching as the reference", () => {
  const isMatch = (match: Match) => match.kind === "offer" || match.kind === "host";
  for (const match of golden.filter((match) => isMatch(match) && !isOtherRule(match))) {
    test(nameOf(match), () => {
      const blocks = place(match);
      const expected = match["in 0.22"]?.matches ?? match.matches;
      expect(blocks !== undefined).toBe(isKnownDifference(match) ? !expected : expected);
      if (isKnownDifference(match)) return;
      if (match.taken_blocks !== undefined) expect(blocks).toBe(match.taken_blocks);
    });
  }
});

interface Division {
  kind: "divide";
  instance: Instance;
  blocks: number | "auto";
  divisible: boolean;
  total_blocks: number;
  shares?: { blocks: number; cpus: number; memory_mib: number; gpus: number; disk_mib: number }[];
}

const divisions = (goldenList("matching.json") as Division[]).filter(({ kind }) => kind === "divide");

describe("dividing hosts as the reference", () => {
  test.each(divisions)("$instance.instance_type into $blocks", ({ instance, blocks, ...expected }) => {
    const host = resourcesOf(instance);
    const total = countBlocks(host, blocks);
    expect(total).toBe(expected.divisible ? expected.total_blocks : undefined);
    for (const { disk_mib, ...share } of expected.shares ?? []) {
      const { cpus, memory_mib, gpus, disk } = shareOf(host, share.blocks, { total: expected.total_blocks });
      expect({ blocks: share.blocks, cpus, memory_mib, gpus: gpus.length }).toEqual(share);
      expect(disk.size_mib).toBe(disk_mib);
    }
  });
});
