import { expect, test } from "bun:test";
import type { Deps } from "../../deps.ts";
import { isProxyEnforced, knownHostLine, sshAddressOf } from "./sshAddress.ts";

type Config = Partial<
  Pick<Deps["config"], "sshAddress" | "sshProxyToken" | "publicUrl" | "isSshProxyEnforced">
>;

const depsOf = (port: number | undefined, config: Config = {}) =>
  ({ config, ssh: { port, hostKey: "ssh-ed25519 AAAA" } }) as Pick<Deps, "config" | "ssh">;

const ADDRESS = { hostname: "gate.example.com", port: null };
const URL_OF = { publicUrl: "https://gpu.example.com" };

test.each([
  ["nothing is answered: nowhere", depsOf(undefined), undefined],
  ["by whatever name the coordinator is reached", depsOf(30_022), { hostname: "asked", port: 30_022 }],
  [
    "or the one that its operator has given it",
    depsOf(30_022, URL_OF),
    { hostname: "gpu.example.com", port: 30_022 },
  ],
  ["what is said is told as it is", depsOf(30_022, { ...URL_OF, sshAddress: ADDRESS }), ADDRESS],
  ["an address without anything behind it is not", depsOf(undefined, { sshAddress: ADDRESS }), undefined],
  ["but a proxy may be", depsOf(undefined, { sshAddress: ADDRESS, sshProxyToken: "t" }), ADDRESS],
  ["a proxy that nobody is told of is nowhere", depsOf(undefined, { sshProxyToken: "t" }), undefined],
])("%s", (_what, deps, address) => {
  expect(sshAddressOf(deps, "asked")).toEqual(address);
});

test("an address of IPv6 is told without brackets, and known with them", () => {
  expect(sshAddressOf(depsOf(30_022), "[2001:db8::1]")).toEqual({ hostname: "2001:db8::1", port: 30_022 });
  expect(knownHostLine(depsOf(30_022), "[2001:db8::1]")).toBe("[2001:db8::1]:30022 ssh-ed25519 AAAA");
});

test("the host key is that of the coordinator's own SSH, and told for that alone", () => {
  expect(knownHostLine(depsOf(30_022), "asked")).toBe("[asked]:30022 ssh-ed25519 AAAA");
  expect(knownHostLine(depsOf(22), "asked")).toBe("asked ssh-ed25519 AAAA");
  expect(knownHostLine(depsOf(30_022, { sshAddress: ADDRESS }), "asked")).toBe(
    "gate.example.com ssh-ed25519 AAAA",
  );
  expect(knownHostLine(depsOf(30_022, { sshAddress: ADDRESS, sshProxyToken: "t" }), "asked")).toBeUndefined();
  expect(knownHostLine(depsOf(undefined), "asked")).toBeUndefined();
});

test("a proxy is enforced only where there is one", () => {
  expect(isProxyEnforced(depsOf(30_022, { isSshProxyEnforced: false }))).toBe(false);
  expect(isProxyEnforced(depsOf(30_022, { isSshProxyEnforced: true }))).toBe(true);
  expect(isProxyEnforced(depsOf(undefined, { isSshProxyEnforced: true }))).toBe(false);
});
