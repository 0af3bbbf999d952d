import { expect, test } from "bun:test";
import { createNetworks, isNetwork } from "./networks.ts";

test.each([
  ["10.0.0.1", true],
  ["10.0.0.0/8", true],
  ["fd00::/64", true],
  ["10.0.0.0/33", false],
  ["10.0.0.0/8/8", false],
  ["10.0.0.0/", false],
  ["proxy.example", false],
])("isNetwork(%p) is %p", (text, expected) => {
  expect(isNetwork(text)).toBe(expected);
});

test.each([
  ["10.1.2.3", true],
  ["10.2.0.1", false],
  ["192.0.2.7", true],
  ["fd00::5", true],
  ["fe80::5", false],
  ["pool.example", false],
])("of some networks, %p is in one: %p", (address, expected) => {
  expect(createNetworks(["10.1.0.0/16", "192.0.2.7", "fd00::/8"])(address)).toBe(expected);
});
