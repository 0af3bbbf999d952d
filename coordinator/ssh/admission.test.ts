import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { Admission } from "./admission.ts";

const LIMITS = { most: 5, mostOfAddress: 4, mostLoggingIn: 3, mostLoggingInOfAddress: 2 };

const open = (admission: Admission, address: string) => {
  const ended = { is: false };
  const end = () => {
    ended.is = true;
  };
  const ticket = admission.admit({ address, end });
  return { ticket, ended };
};

test("the oldest log-in of an address gives way to the newest, and nobody else's", () => {
  const admission = new Admission(LIMITS, new FakeClock());
  const other = open(admission, "10.0.0.9");
  const [first, second, third] = [1, 2, 3].map(() => open(admission, "10.0.0.1"));
  expect([first, second, third, other].map((one) => one?.ended.is)).toEqual([true, false, false, false]);
});

test("the oldest of all gives way where many addresses are at it", () => {
  const admission = new Admission(LIMITS, new FakeClock());
  const all = [1, 2, 3, 4].map((n) => open(admission, `10.0.0.${n}`));
  expect(all.map(({ ended }) => ended.is)).toEqual([true, false, false, false]);
});

test("who has logged in gives way to nobody; beyond the limits nobody gets in", () => {
  const admission = new Admission(LIMITS, new FakeClock());
  const enter = (address: string) => {
    const one = open(admission, address);
    one.ticket?.loggedIn();
    return one;
  };
  const inside = Array.from({ length: 4 }, () => enter("10.0.0.1"));
  expect(open(admission, "10.0.0.1").ticket).toBeUndefined();
  enter("10.0.0.2");
  expect(open(admission, "10.0.0.3").ticket).toBeUndefined();
  expect(inside.some(({ ended }) => ended.is)).toBe(false);
  inside[0]?.ticket?.closed();
  expect(open(admission, "10.0.0.3").ticket).toBeDefined();
});

test("a network of IPv6 is one address; one of IPv4 in its form is its own", () => {
  const admission = new Admission(LIMITS, new FakeClock());
  const six = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3"].map((ip) => open(admission, ip));
  expect(six.map(({ ended }) => ended.is)).toEqual([true, false, false]);
  const four = ["::ffff:10.0.0.1", "::ffff:10.0.0.2"].map((ip) =>
    open(new Admission(LIMITS, new FakeClock()), ip),
  );
  expect(four.every(({ ticket }) => ticket)).toBe(true);
});
