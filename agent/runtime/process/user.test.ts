import { expect, test } from "bun:test";
import { resolveUser } from "./user.ts";

const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const root = { uid: 0, gid: 0 };

test("without a wish a job is the agent's own user", () => {
  expect(resolveUser(null, own)).toEqual({
    name: Bun.spawnSync(["id", "-un"]).stdout.toString().trim(),
    ...own,
    home: expect.stringMatching(/^\//),
  });
});

test.each([
  ["nobody", { name: "nobody", uid: 65534, gid: 65534, change: { keepGroups: true } }],
  ["65534", { name: "nobody", uid: 65534, change: { keepGroups: true } }],
  ["nobody:root", { name: "nobody", uid: 65534, gid: 0, change: { keepGroups: false } }],
  ["nobody:4321", { uid: 65534, gid: 4321, change: { keepGroups: false } }],
  // Nobody knows it: no groups to be had, and gid 0 as in a container.
  ["54321", { name: "54321", uid: 54321, gid: 0, home: "/", change: { keepGroups: false } }],
  ["0:0", { name: "root", uid: 0, gid: 0 }],
])("resolveUser(%p) by root", (wanted, user) => {
  expect(resolveUser(wanted, root)).toMatchObject(user);
});

test.each([
  ["no-such-user", root, 'There is no user "no-such-user" on this host'],
  ["root:no-such-group", root, 'There is no group "no-such-group" on this host'],
  [
    "root",
    { uid: 1000, gid: 1000 },
    'Cannot run as user "root": the agent on this host does not run as root',
  ],
])("resolveUser(%p) is refused", (wanted, by, message) => {
  expect(() => resolveUser(wanted, by)).toThrow(message);
});
