import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseCpuTime, parseDiskStats } from "./hostUsage.ts";
import { parseBlkio, parseIoStat, parseKeyed, parseNetDev, parseNumber } from "./parse.ts";

// As the kernel prints them (proc(5), cgroup-v2.rst, cgroup-v1/blkio-controller.rst); figures of one machine.

test("parseKeyed() reads cpu.stat, memory.stat and /proc/meminfo", () => {
  expect(parseKeyed("usage_usec 123456\nuser_usec 100\nsystem_usec 23\n").get("usage_usec")).toBe(123456);
  expect(parseKeyed("anon 8192\ninactive_file 4096\nactive_file 1\n").get("inactive_file")).toBe(4096);
  expect(parseKeyed("MemTotal:       32778868 kB\nMemAvailable:   20000000 kB\n").get("MemAvailable")).toBe(
    20_000_000,
  );
});

test.each([
  ["4096\n", 4096],
  ["0", 0],
  ["max\n", undefined],
  ["", undefined],
  [undefined, undefined],
])("parseNumber(%p) is %p", (text, value) => expect(parseNumber(text)).toBe(value as never));

test("parseIoStat() adds up the devices", () => {
  const text =
    "259:0 rbytes=1000 wbytes=2000 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n253:0 \n";
  expect(parseIoStat(text)).toEqual({ read: 1001, written: 2002 });
});

test("parseBlkio() takes reads and writes, not the sums beside them", () => {
  const text = "8:0 Read 1000\n8:0 Write 2000\n8:0 Sync 1\n8:0 Total 3000\n8:16 Read 1\nTotal 3001\n";
  expect(parseBlkio(text)).toEqual({ read: 1001, written: 2000 });
});

test("parseNetDev() passes over the loopback, and a name that touches its figure", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 5000      10    0    0    0     0          0         0     5000      10    0    0    0     0       0          0
  eth0:1500000000 900    0    0    0     0          0         0   250000    800    0    0    0     0       0          0
   ib0: 7      1    0    0    0     0          0         0   8    1    0    0    0     0       0          0
`;
  expect(parseNetDev(text)).toEqual({ received: 1_500_000_007, sent: 250_008 });
});

test("parseCpuTime() leaves out idling and waiting", () => {
  const stat = "cpu  100 20 30 5000 600 7 8 9 50 1\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n";
  expect(parseCpuTime(stat)).toBe((100 + 20 + 30 + 7 + 8 + 9) * 10_000);
  expect(parseCpuTime("")).toBe(0);
});

test("parseDiskStats() counts whole disks: neither partitions nor what is stacked on them", () => {
  const line = (name: string) => `   8       0 ${name} 10 0 16 5 20 0 32 7 0 12 12 0 0 0 0 0 0`;
  const text = ["sda", "sda1", "nvme0n1", "nvme0n1p2", "dm-0", "md127", "loop3"].map(line).join("\n");
  expect(parseDiskStats(text)).toEqual({ read: 2 * 16 * 512, written: 2 * 32 * 512 });
});

test("no text makes a parser fail, or give what is no count", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "cpu  1 2 x",
      "8:0 Read",
      "rbytes=9999999999999999999",
      "eth0: 1 2 3",
      "a -1",
      "8 0 sda 1 2",
    ),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.join("\n");
      const values = [
        ...parseKeyed(text).values(),
        ...Object.values(parseIoStat(text)),
        ...Object.values(parseBlkio(text)),
        ...Object.values(parseNetDev(text)),
        ...Object.values(parseDiskStats(text)),
        parseCpuTime(text),
        parseNumber(text) ?? 0,
      ];
      expect(values.filter((value) => !(value >= 0))).toEqual([]);
    }),
  );
});
