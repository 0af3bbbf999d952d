import { describe, expect, test } from "bun:test";
import { internalIpFor } from "./internalIp.ts";

const ADDRESSES = ["fd00::1/64", "172.17.0.1/16", "10.1.0.5/24", "10.1.1.5/24"];
const chosen = (asked: { internal_ip?: string; network?: string }, addresses = ADDRESSES) =>
  internalIpFor({ hostname: "gpu-1", internal_ip: null, network: null, ...asked }, { addresses });

describe("internalIpFor()", () => {
  test.each([
    [{}, null],
    [{ internal_ip: "10.1.1.5" }, "10.1.1.5"],
    [{ internal_ip: "fd00:0::1" }, "fd00:0::1"],
    [{ network: "10.1.0.0/16" }, "10.1.0.5"],
    [{ network: "10.1.1.77/24" }, "10.1.1.5"],
    [{ network: "172.17.0.0/255.255.0.0" }, "172.17.0.1"],
  ])("%j is %p", (asked, expected) => {
    expect(chosen(asked)).toBe(expected);
  });

  test.each([
    [{ internal_ip: "10.9.9.9" }, "internal_ip: gpu-1 has no address 10.9.9.9: it has fd00::1, 172.17.0.1"],
    [{ network: "192.168.0.0/16" }, "network: gpu-1 has no IPv4 address in 192.168.0.0/16: it has"],
    // Nodes are told IPv4 addresses, as the reference does.
    [{ network: "fd00::/8" }, "network: gpu-1 has no IPv4 address in fd00::/8"],
  ])("%j is refused", (asked, message) => {
    expect(() => chosen(asked)).toThrow(message);
  });

  test("a host without addresses is told so", () => {
    expect(() => chosen({ network: "10.0.0.0/8" }, [])).toThrow("it has none at all");
  });
});
