import { expect, test } from "bun:test";
import { readProbe } from "./probe.ts";

const lines = (...said: string[]) => ({
  code: 0,
  stdout: said.map((line) => `${line}\n`).join(""),
  stderr: "",
});

test("readProbe() passes over what the user's shell prints, and takes what is missing for unknown", () => {
  const said = lines(
    "Welcome to gpu-1!",
    "dstack_os=Linux",
    "dstack_machine=x86_64",
    "dstack_uid=0",
    "dstack_libc=glibc",
    "dstack_avx2=yes",
    "dstack_clock=1800000000",
    "dstack_free_root=1048576",
    "dstack_free_user=",
    "dstack_tool=curl",
    "dstack_reach=no",
    "dstack_reach_error=curl: (7) Failed: a=b",
    "dstack_end=yes",
    "bye",
  );
  expect(readProbe(said)).toEqual({
    os: "Linux",
    machine: "x86_64",
    libc: "glibc",
    hasAvx2: true,
    isRoot: true,
    user: "",
    home: "",
    sudo: "none",
    tool: "curl",
    reach: "no",
    reachError: "curl: (7) Failed: a=b",
    clock: 1_800_000_000,
    freeForRoot: 1_048_576,
    freeForUser: null,
  });
});

test.each([
  [{ code: 1, stdout: "", stderr: "This account is not available.\n" }, "This account is not available."],
  [{ code: 0, stdout: "Please log in by the portal\n", stderr: "" }, "Please log in by the portal"],
  [{ code: null, stdout: "", stderr: "" }, "it says nothing"],
  [lines("dstack_os=Linux"), "exit status 0"],
])("readProbe() refuses what is no answer of a shell: %j", (ended, message) => {
  expect(() => readProbe(ended)).toThrow(message);
});
