import { expect, test } from "bun:test";
import { loadPty, type OpenPty, openByBun } from "./pty.ts";

const env = { PATH: process.env["PATH"] ?? "" };

const run = async (open: OpenPty, script: string) => {
  const chunks: Uint8Array[] = [];
  const command = open({
    argv: ["/bin/sh", "-c", script],
    env,
    cwd: "/",
    onData: (bytes) => void chunks.push(bytes.slice()),
  });
  const exit = await command.exited;
  await command.drained();
  return { ...exit, output: Buffer.concat(chunks).toString() };
};

for (const [name, open] of [
  ["the native pty", loadPty()],
  ["Bun's own terminal", openByBun],
] as const) {
  test(`${name}: a session with a controlling terminal of its own`, async () => {
    const { output, code } = await run(
      open,
      `echo to-tty > /dev/tty; [ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ] && echo leads; stty size`,
    );
    expect(output).toBe("to-tty\r\nleads\r\n24 80\r\n");
    expect(code).toBe(0);
  });

  test(`${name}: exit statuses and signals`, async () => {
    expect(await run(open, "exit 7")).toMatchObject({ code: 7, signal: null });
    expect(await run(open, "kill -KILL $$")).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test(`${name}: every byte of a burst right before the end`, async () => {
    const { output } = await run(open, "head -c 600000 /dev/zero | base64 -w 100; printf last");
    expect(output).toHaveLength(8000 * 102 + "last".length);
    expect(output).toEndWith("last");
  });
}
