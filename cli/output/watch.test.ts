import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Unreachable } from "../api/refusal.ts";
import { createInterrupts } from "../process/interrupts.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { watchTable } from "./watch.ts";

const start = (render: () => Promise<string>) => {
  const { output, text } = memoryOutput({ columns: 80, isTerminal: true });
  const clock = new FakeClock();
  const interrupts = createInterrupts(() => {});
  const watching = watchTable(contextOn(output, { clock, interrupts }), render);
  // Whoever waits for it hears of it.
  watching.catch(() => {});
  return { text, clock, interrupts, watching };
};

test("a server that goes away is waited for, with the last table in view", async () => {
  let answer: () => Promise<string> = async () => "one\n";
  const { text, clock, interrupts, watching } = start(() => answer());
  await waitFor("the first table", () => text().includes("one"));
  answer = async () => {
    throw new Unreachable("http://s", new Error("refused"));
  };
  await waitFor("the note", () => {
    clock.advance(2_000);
    return text().includes("The server does not answer, trying again...");
  });
  answer = async () => "two\n";
  await waitFor("the next table", () => {
    clock.advance(2_000);
    return text().includes("\x1b[2A\rtwo\x1b[K\n\x1b[J");
  });
  interrupts.interrupt();
  await watching;
  expect(text()).toEndWith("\rtwo\x1b[K\n\x1b[J");
});

test("one that was never there is not", async () => {
  const { watching } = start(async () => {
    throw new Unreachable("http://s", new Error("refused"));
  });
  await expect(watching).rejects.toThrow("Failed to connect");
});

test("Ctrl-C does not wait for one that hangs", async () => {
  const { interrupts, watching, text } = start(() => new Promise(() => {}));
  interrupts.interrupt();
  await watching;
  expect(text()).toBe("");
});
