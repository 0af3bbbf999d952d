import { expect, test } from "bun:test";
import { hostAddresses, osName, readHost } from "./host.ts";

test("readHost() describes the machine that runs this test", () => {
  const host = readHost();
  expect(host.hostname).not.toBe("");
  expect(["x86", "arm"]).toContain(host.arch);
  expect(host.addresses.some((address) => address.startsWith("127."))).toBe(false);
});

test.each([
  ['NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n', "Ubuntu 24.04.1 LTS"],
  ["PRETTY_NAME=Alpine\n", "Alpine"],
  ["PRETTY_NAME='Debian GNU/Linux 12 (bookworm)'", "Debian GNU/Linux 12 (bookworm)"],
  ["", process.platform],
])("osName(%p) is %p", (text, name) => expect(osName(text)).toBe(name));

test("hostAddresses() keeps the order of interfaces and leaves out loopback and the ends of containers", () => {
  const address = (cidr: string, internal = false) =>
    ({ address: "", netmask: "", family: "IPv4", mac: "", internal, cidr }) as const;
  const interfaces = {
    lo: [address("127.0.0.1/8", true)],
    eth0: [address("10.1.0.7/24"), address("fe80::1/64")],
    docker0: [address("172.17.0.1/16")],
    veth1a2b3c: [address("fe80::2/64")],
    down: undefined,
  };
  expect(hostAddresses(interfaces)).toEqual(["10.1.0.7/24", "fe80::1/64", "172.17.0.1/16"]);
});
