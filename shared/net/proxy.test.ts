import { expect, test } from "bun:test";
import { proxyFor } from "./proxy.ts";

test.each([
  ["https://pool.example/x", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
  ["https://pool.example", { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" }, "http://low:1"],
  ["http://pool.example", { HTTPS_PROXY: "http://p:1" }, undefined],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "other, .example" }, undefined],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "example.org" }, "http://p:1"],
  ["https://pool.example", { HTTPS_PROXY: "http://p:1", no_proxy: "*" }, undefined],
  ["wss://pool.example/tunnel", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
  ["ws://pool.example/tunnel", { HTTPS_PROXY: "http://p:1" }, undefined],
])("proxyFor(%s, %p) is %p", (url, env, expected) => {
  expect(proxyFor(url, env)).toBe(expected);
});
