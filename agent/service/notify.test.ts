import { FFIType, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../../shared/native/libc.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openServiceManager } from "./notify.ts";

/** What a service manager would hear at a socket of its own. */
const listen = (path: string) => {
  const libc = openLibc({
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
  });
  if (!libc) throw new Error("No C library");
  const fd = libc.socket(1, 2, 0);
  const address = Buffer.concat([Buffer.from([1, 0]), Buffer.from(path.replace(/^@/, "\0"))]);
  expect(libc.bind(fd, ptr(address), address.length)).toBe(0);
  const heard: string[] = [];
  const DONTWAIT = 0x40;
  return {
    heard: () => {
      const bytes = Buffer.alloc(4096);
      for (;;) {
        const length = Number(libc.recv(fd, ptr(bytes), bytes.length, DONTWAIT));
        if (length < 0) return heard;
        heard.push(bytes.subarray(0, length).toString());
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
};

test.each(["file", "abstract"])(
  "it is told that the agent is up, how it goes, and that it ends: %s",
  async (kind) => {
    using dir = tempDir();
    const path = kind === "file" ? join(dir.path, "notify") : `@dstack-test-${crypto.randomUUID()}`;
    using manager = listen(path);
    using service = openServiceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" });
    service.ready();
    service.status("Connected\nto it");
    expect(manager.heard().slice(0, 2)).toEqual(["READY=1", "STATUS=Connected to it"]);
    await waitFor("a sign of life", () => manager.heard().includes("WATCHDOG=1"));
    service.stopping();
    expect(manager.heard()).toContain("STOPPING=1");
  },
);

test("a watchdog of another process, or none, gets no sign of life", () => {
  using dir = tempDir();
  const path = join(dir.path, "notify");
  using manager = listen(path);
  for (const env of [{ WATCHDOG_USEC: "1", WATCHDOG_PID: "1" }, {}]) {
    using service = openServiceManager({ NOTIFY_SOCKET: path, ...env });
    service.ready();
  }
  expect(manager.heard()).toEqual(["READY=1", "READY=1"]);
});

test("without a service manager, or with one that is gone, nothing happens", () => {
  for (const path of [undefined, "", "relative", "/no/such/socket", `/${"x".repeat(200)}`]) {
    using service = openServiceManager({ NOTIFY_SOCKET: path });
    service.ready();
    service.status("fine");
  }
});
