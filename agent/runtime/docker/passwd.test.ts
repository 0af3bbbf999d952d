import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseGroup, parsePasswd, resolveUser } from "./passwd.ts";

const FILES = {
  passwd: parsePasswd(
    [
      "root:x:0:0:root:/root:/bin/bash",
      "worker:x:1000:1001::/home/worker:/bin/sh",
      "odd:x:7:8::relative:",
      "bad line",
    ].join("\n"),
  ),
  group: parseGroup("root:x:0:\nvideo:x:44:worker\n\nbroken\n"),
};

describe("resolveUser()", () => {
  test.each([
    ["root", { uid: 0, gid: 0, home: "/root" }],
    ["worker", { uid: 1000, gid: 1001, home: "/home/worker" }],
    ["1000", { uid: 1000, gid: 1001, home: "/home/worker" }],
    ["worker:video", { uid: 1000, gid: 44, home: "/home/worker" }],
    ["worker:5", { uid: 1000, gid: 5, home: "/home/worker" }],
    ["4711", { uid: 4711, gid: 0, home: "/" }],
    ["4711:video", { uid: 4711, gid: 44, home: "/" }],
    ["odd", { uid: 7, gid: 8, home: "/" }],
    ["ghost", undefined],
    ["worker:ghosts", undefined],
    ["", undefined],
  ])("%p", (user, expected) => expect(resolveUser(user, FILES)).toEqual(expected));

  test("files of any content do no harm", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (passwd, group, user) => {
        resolveUser(user, { passwd: parsePasswd(passwd), group: parseGroup(group) });
      }),
    );
  });
});
