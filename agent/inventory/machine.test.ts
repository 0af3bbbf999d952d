import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { readMachine } from "./machine.ts";

const UUID = "sys/class/dmi/id/product_uuid";
const ID = "etc/machine-id";

const machineOf = (files: Record<string, string>): string | null | undefined => {
  using root = tempDir();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root.path, path)), { recursive: true });
    writeFileSync(join(root.path, path), text);
  }
  return readMachine(root.path).machine;
};

const uuid = "4C4C4544-0033-4A10-8052-B7C04F4B4C32\n";
const id = "2ab1d1c0a3b94f0c8a53a8b4b8a5c3d1\n";

test("a machine is told by what its firmware says, whatever system is on it", () => {
  const machine = machineOf({ [UUID]: uuid, [ID]: id });
  expect(machine).toMatch(/^[0-9a-f]{64}$/);
  expect(machineOf({ [UUID]: uuid.toLowerCase(), [ID]: "0123456789abcdef0123456789abcdef" })).toBe(
    machine ?? "",
  );
  expect(machineOf({ [ID]: id })).not.toBe(machine ?? "");
  expect(machine).not.toContain(uuid.slice(0, 8).toLowerCase());
});

test.each([
  "00000000-0000-0000-0000-000000000000",
  "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
  "03000200-0400-0500-0006-000700080009",
  "",
  "1234",
])("%p is the name of no machine: the next one counts", (name) => {
  expect(machineOf({ [UUID]: name, [ID]: id })).toBe(machineOf({ [ID]: id }) ?? "");
});

test("where there is no name, nothing is said", () => {
  expect(machineOf({})).toBeUndefined();
});

test("a board without DMI is told by its serial number", () => {
  const serial = "sys/firmware/devicetree/base/serial-number";
  expect(machineOf({ [serial]: "10000000abcdef01\0", [ID]: id })).not.toBe(machineOf({ [ID]: id }) ?? "");
});
