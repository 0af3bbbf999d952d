import assert from "node:assert/strict";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import { POOL_HOSTS } from "../pool.ts";
import { readTable } from "../table.ts";

const OFFERS = ["#", "BACKEND", "RESOURCES", "INSTANCE TYPE", "PRICE"];

interface Offers {
  offers: { instance: { name: string; resources: { gpus: { name: string }[] } }; availability: string }[];
  total_offers: number;
}

const RANGE = (min: number | null, max: number | null = null) => ({ min, max });

/** With the one of the fleet `gpu`. */
const ALL_HOSTS = POOL_HOSTS + 1;

/** Flags that choose among offers: what the requirements become, and how many of all hosts remain. */
const CHOICES: { args: string[]; requirements?: unknown; count: number }[] = [
  { args: ["--cpu", "1..", "--memory", "1GB..", "--disk", "1GB.."], count: ALL_HOSTS },
  { args: ["--cpu", "999.."], requirements: { resources: { cpu: { count: RANGE(999) } } }, count: 0 },
  { args: ["--memory", "9TB.."], requirements: { resources: { memory: RANGE(9216) } }, count: 0 },
  { args: ["--disk", "900TB.."], requirements: { resources: { disk: { size: RANGE(921_600) } } }, count: 0 },
  {
    args: ["--gpu", "H100:8"],
    requirements: { resources: { gpu: { name: ["H100"], count: RANGE(8, 8) } } },
    count: 1,
  },
  { args: ["--gpu", "B200"], requirements: { resources: { gpu: { name: ["B200"] } } }, count: 0 },
  { args: ["--max-price", "0.5"], requirements: { max_price: 0.5 }, count: ALL_HOSTS },
  { args: ["--spot"], requirements: { spot: true }, count: 0 },
  { args: ["--on-demand"], requirements: { spot: false }, count: ALL_HOSTS },
  { args: ["--spot-auto"], requirements: { spot: null }, count: ALL_HOSTS },
  { args: ["--spot-policy", "auto"], requirements: { spot: null }, count: ALL_HOSTS },
  { args: ["-b", "aws"], count: 0 },
  { args: ["-b", "aws", "-b", "remote"], count: ALL_HOSTS },
  { args: ["-r", "nowhere-1"], count: 0 },
  { args: ["--instance-type", "p5.48xlarge"], count: 0 },
  { args: ["--instance-type", "instance"], count: ALL_HOSTS },
  { args: ["--fleet", "pool"], count: POOL_HOSTS },
  { args: ["--fleet", "main/gpu"], count: 1 },
];

/** Flags that say how a run would be treated: no offer is more or less for them. */
const TREATMENT = [
  ["--reuse", "--retry", "--max-duration", "1h"],
  ["--dont-destroy", "--no-retry"],
  ["--idle-duration", "1h", "--retry-duration", "30m"],
];

export const offerCases: Case[] = [
  {
    name: "offer-json",
    expect: "every host that could take a job, as JSON",
    covers: { offer: ["--json"] },
    smoke: true,
    run: async ({ json }) => {
      const { offers, total_offers } = (await json(["offer", "--json"])) as Offers;
      assert.equal(offers.length, total_offers);
      assert.ok(total_offers >= 1);
      assertHas(offers[0], { backend: "remote", instance: { name: "instance" }, price: 0 });
      assert.match(offers[0]?.availability ?? "", /^(idle|busy)$/);
    },
  },
  {
    name: "offer-plain",
    expect:
      "a table; --max-offers cuts it, and the footer says of how many; a hint that fleets are passed over",
    covers: { offer: ["--max-offers", "--format", "--full-offers", "--unallocated"] },
    run: async ({ ok }) => {
      const whole = await ok(["offer", "--format", "plain", "--full-offers", "--unallocated"]);
      // A host that another case uses meanwhile has nothing that is unallocated.
      const rows = readTable(whole, OFFERS).length;
      assert.ok(rows >= 1 && rows <= ALL_HOSTS, `${rows} rows`);
      assert.equal(readTable(await ok(["offer", "--format", "plain"]), OFFERS).length, ALL_HOSTS);
      assert.match(whole, /Hint: Existing fleets are ignored/);
      const cut = await ok(["offer", "--max-offers", "2"]);
      assert.match(cut, new RegExp(`Shown 2 of ${ALL_HOSTS} offers`));
      assert.doesNotMatch(await ok(["offer", "--fleet", "pool"]), /Hint:/);
    },
  },
  ...CHOICES.map(
    ({ args, requirements, count }): Case => ({
      name: `offer${args
        .join("-")
        .replaceAll(/[^a-z0-9]+/gi, "-")
        .toLowerCase()}`,
      expect: `${args.join(" ")}: ${count} of the ${ALL_HOSTS} hosts`,
      covers: { offer: args.flatMap((arg) => longFlag(arg) ?? []) },
      run: async ({ json }) => {
        const found = (await json(["offer", ...args, "--json"])) as Offers;
        assert.equal(found.total_offers, count);
        assertHas(found, requirements === undefined ? {} : { requirements });
      },
    }),
  ),
  {
    name: "offer-treatment",
    expect: "flags that say how a run would be treated are taken, and change no offer",
    covers: { offer: TREATMENT.flat().filter((arg) => arg.startsWith("--")) },
    run: async ({ json }) => {
      for (const args of TREATMENT)
        assert.equal(((await json(["offer", "--json", ...args])) as Offers).total_offers, ALL_HOSTS);
    },
  },
  {
    name: "offer-profile",
    expect: "--profile and the default profile choose as their own flags would; --no-profile does without",
    covers: { offer: ["--profile", "--no-profile"] },
    run: async ({ write, json, fails }) => {
      await write(".dstack/profiles.yml", {
        profiles: [
          { name: "cheap", fleets: ["gpu"] },
          { name: "usual", fleets: ["pool"], default: true },
        ],
      });
      const count = async (...args: string[]) =>
        ((await json(["offer", "--json", ...args])) as Offers).total_offers;
      assert.equal(await count("--profile", "cheap"), 1);
      assert.equal(await count("--no-profile"), ALL_HOSTS);
      assert.equal(await count(), POOL_HOSTS);
      assert.match(await fails(["offer", "--profile", "absent"]), /No such profile: absent/);
    },
  },
  {
    name: "offer-grouped",
    expect: "groups by GPU, backend, region and count, as JSON and as a table; bad groups are refused with 1",
    covers: { offer: ["--group-by"] },
    run: async ({ json, ok, fails }) => {
      const grouped = await json(["offer", "--group-by", "gpu,backend", "--group-by", "region", "--json"]);
      assertHas(grouped, {
        project: "main",
        group_by: ["gpu", "backend", "region"],
        gpus: [{ name: "H100", memory_mib: 81_920, vendor: "nvidia", backend: "remote", region: "remote" }],
      });
      const table = await ok(["offer", "--group-by", "gpu,count"]);
      assert.match(table, /^ Group by +gpu, count *$/m);
      assert.match(table, /^ # {2}GPU +SPOT +\$\/GPU +BACKENDS/m);
      assert.match(await fails(["offer", "--group-by", "backend"]), /without also grouping by 'gpu'/);
      assert.match(await fails(["offer", "--group-by", "gpu,region"]), /without also grouping by 'backend'/);
      assert.match(await fails(["offer", "--group-by", "x"]), /Invalid group-by value: 'x'/);
    },
  },
  {
    name: "offer-none",
    expect: "nothing fits: a warning with where to read on, exit 0",
    covers: { offer: ["--gpu"] },
    run: async ({ ok }) => {
      const out = await ok(["offer", "--gpu", "B200:8"]);
      assert.match(out, /No matching instance offers available\. Possible reasons: https:/);
    },
  },
];

/** `--max-price` of `--max-price`, `--backend` of `-b`; undefined of a value. */
function longFlag(arg: string): string | undefined {
  const LETTERS: Record<string, string> = { "-b": "--backend", "-r": "--region" };
  return arg.startsWith("--") ? arg : LETTERS[arg];
}
