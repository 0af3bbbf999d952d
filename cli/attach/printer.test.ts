import { expect, test } from "bun:test";
import fc from "fast-check";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { createPrinter, type LogShape } from "./printer.ts";

const eventsOf = (texts: readonly string[]) =>
  texts.map((text, at) => ({
    timestamp: `t${at}`,
    log_source: "stdout" as const,
    message: Buffer.from(text).toString("base64"),
  }));

const show = (shape: LogShape, before: readonly string[], after: readonly string[] = []): string => {
  const { output, text } = memoryOutput();
  const printer = createPrinter(output, shape);
  printer.print(eventsOf(before));
  printer.caughtUp();
  printer.print(eventsOf(after));
  return text();
};

test("a line has the time of the event that begins it", () => {
  expect(show({ timestamps: true }, ["a", "b\nc\n", "d"], ["e\n"])).toBe("t0 ab\nt1 c\nt2 de\n");
});

test("only the last lines of what there was, and everything after it", () => {
  expect(show({ tail: 2 }, ["1\n2", "\n3\n4"], ["5\n6\n"])).toBe("3\n45\n6\n");
  expect(show({ tail: 0 }, ["1\n2"], ["\n3\n"])).toBe("\n3\n");
});

test("of many lines, too, the last ones are printed and no others", () => {
  const lines = Array.from({ length: 5000 }, (_, at) => `${at}\n`);
  expect(show({ tail: 3 }, lines)).toBe("4997\n4998\n4999\n");
  expect(show({ tail: 3000, timestamps: true }, [lines.join("")])).toBe(
    lines
      .slice(-3000)
      .map((line) => `t0 ${line}`)
      .join(""),
  );
});

test("bytes stay what they are, however they are cut", () => {
  const texts = fc.array(fc.constantFrom("", "a", "\n", "\r\n", "ä", "b\n\nc"), { maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, fc.nat(4), (before, after, tail) => {
      const all = [...before, ...after].join("");
      expect(show({}, before, after)).toBe(all);
      expect(show({ timestamps: true }, before, after).replaceAll(/^t\d+ /gm, "")).toBe(all);
      const last = before.join("").split(/(?<=\n)/);
      const shown = tail === 0 ? "" : last.slice(-tail).join("");
      expect(show({ tail }, before, after)).toBe(shown + after.join(""));
    }),
  );
});
