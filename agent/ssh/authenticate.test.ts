/** Who gets in, and who does not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import ssh2 from "ssh2";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";
import { startSshJob } from "../testing/sshJob.ts";

let job: Awaited<ReturnType<typeof startSshJob>>;
beforeAll(async () => {
  job = await startSshJob();
});
afterAll(() => job[Symbol.asyncDispose]());

const foreign = newKeyPair();
const refused = (more: ssh2.ConnectConfig) =>
  job.connect(more).then(
    () => "let in",
    (err: Error) => err.message,
  );

test("a key that is not among the run's is refused, whatever the name", async () => {
  for (const username of ["any", "root", ""])
    expect(await refused({ username, privateKey: foreign.private })).toContain(
      "authentication methods failed",
    );
});

test("no password and no answer to a question lets anybody in", async () => {
  const { privateKey: _, ...none } = { privateKey: undefined };
  const tries = [
    { ...none, password: "" },
    { ...none, password: "root" },
    { ...none, tryKeyboard: true },
  ];
  for (const one of tries)
    expect(await refused({ privateKey: foreign.private, ...one })).toContain("authentication methods failed");
});

test("who has only the public half of a key is refused", async () => {
  class Impostor extends ssh2.BaseAgent<ssh2.ParsedKey> {
    override getIdentities(callback: ssh2.IdentityCallback<ssh2.ParsedKey>) {
      const key: ssh2.ParsedKey | Error = ssh2.utils.parseKey(job.request.keys[0] ?? "");
      callback(undefined, key instanceof Error ? [] : [key]);
    }
    override sign(
      _key: ssh2.ParsedKey,
      data: Buffer,
      options: ssh2.SigningRequestOptions | ssh2.SignCallback,
      callback?: ssh2.SignCallback,
    ) {
      const own = ssh2.utils.parseKey(foreign.private);
      const done = typeof options === "function" ? options : callback;
      if (!(own instanceof Error)) done?.(undefined, own.sign(data));
    }
  }
  const outcome = await new Promise<string>((resolve) => {
    const client = new ssh2.Client();
    client.once("ready", () => resolve("let in")).once("error", (err) => resolve(err.message));
    client.connect({ sock: job.open(), username: "any", agent: new Impostor() });
  });
  expect(outcome).toContain("authentication methods failed");
});

test("keys of other kinds, and of the kinds that people have", async () => {
  for (const [type, bits] of [
    ["rsa", 2048],
    ["ecdsa", 256],
  ] as const) {
    const path = join(job.dir, type);
    await job.exec(["ssh-keygen", "-q", "-t", type, "-b", String(bits), "-N", "", "-f", path]);
    const first = job.request.keys;
    job.request.keys = ["no key at all", await Bun.file(`${path}.pub`).text(), ...first];
    const options = job.options.with(1, path);
    const { stdout } = await job.exec(["ssh", ...options, "-p", String(job.port), "x@127.0.0.1", "echo in"]);
    expect(stdout).toBe("in\n");
    job.request.keys = first;
  }
});

test("rubbish in place of SSH ends that connection alone", async () => {
  const stream = job.open();
  const over = new Promise<void>((resolve) => stream.once("close", resolve));
  stream.on("error", () => {}).resume();
  stream.write("SSH-2.0-me\r\n");
  stream.write(Buffer.alloc(300_000, 0xff));
  await over;
  expect((await job.ssh(["echo well"])).stdout).toBe("well\n");
});

test("the host key is kept for the agent alone", async () => {
  await job.ssh(["true"]);
  const { mode } = await Bun.file(join(job.dir, "ssh_host_ed25519_key")).stat();
  expect(mode & 0o777).toBe(0o600);
});
