import { expect, test } from "bun:test";
import { nodeAddresses } from "./nodeAddresses.ts";

const host = (...addresses: string[]) => ({
  hostname: "h",
  arch: "x86" as const,
  os: "linux",
  cpus: 1,
  memory_mib: 1,
  disk_mib: 1,
  gpus: [],
  addresses,
  runtime: "process" as const,
});

test.each([
  ["one host", [host("172.17.0.1/16", "10.0.0.1/24")], ["172.17.0.1"]],
  [
    "a bridge that is the same on every host",
    [host("172.17.0.1/16", "10.0.0.1/24"), host("172.17.0.1/16", "10.0.0.2/24")],
    ["10.0.0.1", "10.0.0.2"],
  ],
  [
    "a network that only some are in",
    [host("192.168.1.5/24", "10.1.0.1/16"), host("10.1.200.2/16")],
    ["10.1.0.1", "10.1.200.2"],
  ],
  ["no common network", [host("192.168.1.5/24"), host("10.1.0.2/16")], ["192.168.1.5", "10.1.0.2"]],
  ["no address", [host("fe80::1/64"), host()], [null, null]],
])("nodeAddresses() of %s", (_, hosts, expected) => {
  expect(nodeAddresses(hosts.map((inventory) => ({ inventory, internal_ip: null })))).toEqual(expected);
});

test("what the fleet says of a host comes first", () => {
  const nodes = [
    { inventory: host("10.0.0.1/24", "10.5.0.1/24"), internal_ip: "10.5.0.1" },
    { inventory: host("10.0.0.2/24", "10.5.0.2/24"), internal_ip: null },
  ];
  expect(nodeAddresses(nodes)).toEqual(["10.5.0.1", "10.0.0.2"]);
});
