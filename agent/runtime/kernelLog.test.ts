import { expect, test } from "bun:test";
import { accessSync, constants } from "node:fs";
import { readKernelLog, tellsOfOomKill } from "./kernelLog.ts";

const ID = "7e982eb031e35db289f64b98f053b0e0651c592d322b8d322577c0c718d41982";
const OTHER = ID.replaceAll("7", "0");
const oom = (group: string) =>
  `6,62244,40702210174,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=${ID},mems_allowed=0,` +
  `oom_memcg=${group},task_memcg=${group},task=tail,pid=22131,uid=0\n`;

test.each([
  ["Docker's", [`4,1,1,-;tail invoked oom-killer: gfp_mask=0x500cc2\n`, oom(`/docker/${ID}`)], true],
  ["Docker's with systemd", [oom(`/system.slice/docker-${ID}.scope`)], true],
  ["Podman's", [oom(`/machine.slice/libpod-${ID}.scope/container`)], true],
  ["another container's", [oom(`/docker/${OTHER}`).replace(`cpuset=${ID}`, "cpuset=/")], false],
  ["something else about it", [`6,1,1,-;docker0: port of ${ID} entered blocking state\n`], false],
  ["nothing", [], false],
])("the kernel's log tells of a container that ran out of memory: %s", (_, records, is) => {
  expect(tellsOfOomKill(records, ID)).toBe(is);
});

const isReadable = (() => {
  try {
    accessSync("/dev/kmsg", constants.R_OK);
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!isReadable)("it is read to its end, record by record", () => {
  const records = [...readKernelLog()];
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) expect(record).toMatch(/^\d+,\d+,\d+,/);
});

test.each(["/nowhere/kmsg", "/dev/null", "/"])("where it is %s, nothing is told", (path) => {
  expect([...readKernelLog(path)]).toEqual([]);
});
