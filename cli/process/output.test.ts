import { expect, test } from "bun:test";
import { join } from "node:path";

const script = Bun.which("script");

const sizeWhere = async (stty: string): Promise<string> => {
  const file = join(import.meta.dir, "output.ts");
  const look = `import { createOutput } from "${file}"; const out = createOutput(1, {}); console.log(out.columns + " " + out.rows)`;
  const command = `stty ${stty}; "${process.execPath}" -e '${look}'`;
  const child = Bun.spawn([script ?? "", "-q", "-c", command, "/dev/null"], { stdin: "ignore" });
  return (await new Response(child.stdout).text()).trim();
};

if (script) {
  test("a terminal has the size that it says, and none where it says nothing", async () => {
    expect(await sizeWhere("cols 90 rows 30")).toBe("90 30");
    // As one that a program made without a thought of it.
    expect(await sizeWhere("cols 0 rows 0")).toBe("undefined undefined");
  });
} else test.skip("the size of a terminal [needs script(1)]", () => {});
