import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { BREAKS, type Break } from "./breaks.ts";

// A process of its own: it lays simulated time, randomness and network over the whole of one.
const sim = async (...args: string[]): Promise<{ code: number; output: string }> => {
  const program = join(resolve(import.meta.dir, "../.."), "scripts/sim.ts");
  const child = Bun.spawn([process.execPath, program, ...args], { stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: output + errors };
};

test("seeds with every fault find nothing", async () => {
  const { code, output } = await sim("--seeds", "20");
  process.stdout.write(output);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("20 seeds, ") });
}, 120_000);

test("several processes share the seeds, and one that fails is told", async () => {
  const shared = await sim("--seeds", "40", "--steps", "5", "--workers", "2");
  expect(shared).toMatchObject({ code: 0, output: expect.stringContaining("40 seeds, ") });
  const args = ["--seeds", "60", "--steps", "20", "--workers", "2", "--break", "occupied"];
  const broken = await sim(...args);
  expect(broken).toMatchObject({
    code: 1,
    output: expect.stringContaining("See it with: ./scripts/sim --seed "),
  });
}, 120_000);

test("a seed replays exactly", async () => {
  const args = ["--seed", "7", "--seeds", "1", "--steps", "300", "--trace", "--break", "occupied"];
  const [one, other] = [await sim(...args), await sim(...args)];
  const withoutTime = ({ output }: { output: string }) => output.replace(/ in [\d.]+ s\n$/, "");
  expect(withoutTime(one)).toBe(withoutTime(other));
  expect(one.output).toContain("BUG ");
}, 120_000);

/** With what brings it to light soonest. */
const NOTICED: Record<Break, string[]> = {
  occupied: [],
  release: [],
  keep: [],
  desired: [],
  restart: ["--faults", "crash"],
  lease: ["--faults", "atGift", "--hosts", "8", "--runs", "6"],
  silence: ["--faults", "partition,atGift"],
  queue: [],
  timers: ["--faults", "delay"],
  cordon: ["--faults", "delay"],
  order: ["--faults", "delay"],
  schedule: ["--faults", "delay"],
  grace: ["--faults", "delay"],
  fence: ["--faults", "agentDeath", "--hosts", "3", "--runs", "6"],
  clones: ["--faults", "clone"],
  leak: [],
  crowd: [],
  clock: ["--faults", "clockJump,partition,atGift", "--hosts", "8", "--runs", "20"],
};

for (const [rule, flags] of Object.entries(NOTICED))
  test(`it is noticed when ${BREAKS[rule as Break]}`, async () => {
    const { code, output } = await sim(
      "--break",
      rule,
      "--seeds",
      "1000",
      "--workers",
      "1",
      "--trace",
      ...flags,
    );
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining(" failed at step ") });
  }, 240_000);
