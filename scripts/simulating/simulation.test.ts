import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { BREAKS } from "./breaks.ts";

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
  const { code, output } = await sim("--seeds", "60", "--steps", "250");
  process.stdout.write(output);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining(" seeds, ") });
}, 60_000);

test("a seed replays exactly", async () => {
  const args = ["--seed", "7", "--seeds", "1", "--steps", "300", "--trace", "--break", "occupied"];
  const [one, other] = [await sim(...args), await sim(...args)];
  const withoutTime = ({ output }: { output: string }) => output.replace(/ in [\d.]+ s\n$/, "");
  expect(withoutTime(one)).toBe(withoutTime(other));
  expect(one.output).toContain("BUG ");
}, 60_000);

for (const rule of Object.keys(BREAKS))
  test(`it is noticed when ${BREAKS[rule as keyof typeof BREAKS]}`, async () => {
    const { code, output } = await sim("--break", rule, "--seeds", "20", "--steps", "250", "--trace");
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining(" failed at step ") });
  }, 60_000);
