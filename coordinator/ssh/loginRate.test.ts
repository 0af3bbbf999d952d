import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { LoginRate } from "./loginRate.ts";

const begun = (rate: LoginRate, address: string, times: number): number =>
  Array.from({ length: times }, () => rate.begin(address)).filter(Boolean).length;

test("logins that come to nothing are bounded for each address, and more are let come with time", () => {
  const clock = new FakeClock();
  const rate = new LoginRate(clock);
  expect(begun(rate, "10.0.0.1", 300)).toBe(200);
  expect(begun(rate, "10.0.0.2", 300)).toBe(200);
  clock.advance(2_000);
  expect(begun(rate, "10.0.0.1", 300)).toBe(40);
  clock.advance(3_600_000);
  expect(begun(rate, "10.0.0.1", 300)).toBe(200);
});

test("who logs in may do so as often as they like", () => {
  const rate = new LoginRate(new FakeClock());
  for (let at = 0; at < 1_000; at += 1) {
    expect(rate.begin("10.0.0.1")).toBe(true);
    rate.loggedIn("10.0.0.1");
  }
});

test("many addresses are not remembered without end", () => {
  const rate = new LoginRate(new FakeClock());
  expect(begun(rate, "10.0.0.1", 200)).toBe(200);
  for (let at = 0; at < 10_000; at += 1) rate.begin(`10.1.${at >> 8}.${at & 255}`);
  expect(rate.begin("10.0.0.1")).toBe(true);
});
