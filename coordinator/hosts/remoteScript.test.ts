import { expect, test } from "bun:test";
import fc from "fast-check";
import { commandFor, inputFor } from "./remoteScript.ts";

const SCRIPT = 'printf "%s|" "$VALUE" "$@"';

const run = async (input: string): Promise<string> => {
  const child = Bun.spawn(["sh", "-c", commandFor("none")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  child.stdin.write(input);
  await child.stdin.end();
  return new Response(child.stdout).text();
};

const line = fc
  .string({ unit: "binary", maxLength: 30 })
  .map((text) => text.replaceAll(/[\n\r\0\ud800-\udfff]/g, "?"));

test("whatever is in a value arrives as it is, and is not run", async () => {
  await fc.assert(
    fc.asyncProperty(line, fc.array(line.filter(Boolean), { maxLength: 3 }), async (value, args) => {
      const output = await run(inputFor({ script: SCRIPT, sudo: "none", env: { VALUE: value }, args }));
      expect(output).toBe([value, ...args].map((text) => `${text}|`).join(""));
    }),
    { numRuns: 60 },
  );
});

test("scripts arrive as they are", async () => {
  const script = [
    "# a comment with \\n and %s",
    "x='\\t\\\\'",
    "printf '%s\\n' \"$x\" 'a",
    "b' \"$(printf '\\101')\"",
  ].join("\n");
  expect(await run(inputFor({ script, sudo: "none" }))).toBe("\\t\\\\\na\nb\nA\n");
});

test.each(["a\nb", "a\rb", "a\0b"])("a value of more than one line is refused: %j", (value) => {
  expect(() => inputFor({ script: "true", sudo: "none", env: { VALUE: value } })).toThrow(
    "more than one line",
  );
  expect(() => inputFor({ script: "true", sudo: "password", password: value })).toThrow("more than one line");
});
