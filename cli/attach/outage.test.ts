import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { createOutage } from "./outage.ts";

const LOST = "Lost the connection to the server, reconnecting...\n";
const BACK = "Connected again\n";
const NEVER = new AbortController().signal;

const open = () => {
  const memory = memoryOutput();
  const clock = new FakeClock(0);
  return { outage: createOutage(contextOn(memory.output, { clock })), clock, text: memory.text };
};

test("what several parts lose is told once, and that all are back when they are", () => {
  const { outage, text } = open();
  outage.lost("run");
  outage.lost("tunnel");
  outage.lost("tunnel");
  expect(text()).toBe(LOST);
  outage.over("run");
  expect(text()).toBe(LOST);
  outage.over("tunnel");
  expect(text()).toBe(`${LOST}${BACK}`);
  outage.over("tunnel");
  outage.lost("log");
  expect(text()).toBe(`${LOST}${BACK}${LOST}`);
});

test("a sleep is told in place of what is lost by it", () => {
  const { outage, text } = open();
  outage.slept();
  outage.lost("run");
  outage.over("run");
  expect(text()).toBe(`This machine was asleep or changed its network, reconnecting...\n${BACK}`);
});

test("pauses become longer, up to five seconds, and short again after each success", async () => {
  const { outage, clock } = open();
  const pause = async () => {
    const begin = clock.steady();
    let isOver = false;
    const waiting = outage.pause("run", NEVER).then(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(10);
      await Promise.resolve();
    }
    await waiting;
    return clock.steady() - begin;
  };
  const pauses: number[] = [];
  for (let n = 0; n < 10; n++) pauses.push(await pause());
  expect(pauses[0]).toBeWithin(50, 150);
  expect(pauses.at(-1)).toBeWithin(2_500, 5_100);
  outage.over("run");
  expect(await pause()).toBeWithin(50, 150);
});
