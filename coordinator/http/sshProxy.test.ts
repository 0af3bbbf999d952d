import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import ssh2 from "ssh2";
import { Run } from "../../shared/api/runs.ts";
import { SshUpstream } from "../../shared/api/server.ts";
import { PublicKeyInfo, UserWithCreds } from "../../shared/api/users.ts";
import { AgentStreamRequest } from "../../shared/protocol/tunnel.ts";
import { newKeyPair } from "../../shared/ssh/hostKey.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { FakeJobSsh } from "../testing/fakeJobSsh.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

// Programs are started, which takes as long as a busy machine likes.
setDefaultTimeout(60_000);

const SERVICE_TOKEN = "service-token";
const UNREACHED = "00000000000040008000000000000000";

const opened = new AsyncDisposableStack();
const job = new FakeJobSsh();
const asked: AgentStreamRequest["to"][] = [];
let coordinator: TestCoordinator;
let agent: TestAgent;
let submission: string;
let ada: string;

const getRun = async (token?: string): Promise<Run> => {
  const options = token === undefined ? {} : { token };
  return Run.parse(
    (await coordinator.post("/api/project/main/runs/get", { run_name: "train" }, options)).body,
  );
};

const connectionInfo = async () => (await getRun()).jobs[0]?.job_connection_info;

/** What a command says over the coordinator's SSH, or why there is none. */
const sshEcho = async (config: ssh2.ConnectConfig): Promise<string> => {
  const info = await connectionInfo();
  const address = { host: info?.sshproxy_hostname ?? "", port: info?.sshproxy_port ?? 0 };
  const client = new ssh2.Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("ready", resolve).on("error", reject);
      client.connect({ ...address, username: info?.sshproxy_upstream_id ?? "", ...config });
    });
    const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
      client.exec("echo in", (err, one) => (err ? reject(err) : resolve(one))),
    );
    return await new Response(channel as unknown as ReadableStream).text();
  } catch (err) {
    return String(err);
  } finally {
    client.destroy();
  }
};

beforeAll(async () => {
  opened.use(job);
  coordinator = opened.use(
    await startTestCoordinator({ DSTACK_SERVER_SSH_PORT: "0", DSTACK_SSHPROXY_API_TOKEN: SERVICE_TOKEN }),
  );
  agent = await TestAgent.join(coordinator);
  ada = await coordinator.addUser("ada", "user");
  const configuration = {
    type: "task",
    image: "busybox",
    commands: ["true"],
    resources: { cpu: "1..", memory: "1GB..", disk: null },
  };
  const plan = { run_spec: { run_name: "train", configuration }, current_resource: null };
  await coordinator.post("/api/project/main/runs/apply", { plan, force: false }, { token: ada });
  submission = await agent.take();
  agent.onTunnelWanted = () =>
    void agent.dialTunnel((incoming, request) => {
      const { to } = AgentStreamRequest.parse(request);
      asked.push(to);
      job.answer(incoming, to.kind === "ssh" ? to.keys : []);
    });
  opened.use(agent.stayThere());
});
afterAll(() => opened.disposeAsync());

/** The library reads no PKCS #8, which OpenSSH does. */
const keyOf = async (token: string): Promise<string> => {
  const { body } = await coordinator.post("/api/users/get_my_user", undefined, { token });
  const { ssh_private_key: key } = UserWithCreds.parse(body);
  return createPrivateKey(key ?? "")
    .export({ type: "pkcs1", format: "pem" })
    .toString();
};

const upstream = (id: string, token: string | null = SERVICE_TOKEN) =>
  coordinator.post("/api/sshproxy/get_upstream", { id }, { token });

test("a job that does not run yet has no way to it", async () => {
  expect(await connectionInfo()).toBeNull();
  expect(await upstream(submission.replaceAll("-", ""))).toMatchObject({ status: 400 });
  await agent.running(submission);
});

test("clients are told where SSH is, by the host that they have asked; others do not know it", async () => {
  const id = submission.replaceAll("-", "");
  const info = await connectionInfo();
  const port = info?.sshproxy_port;
  expect(info).toEqual({
    ide_name: null,
    attached_ide_url: null,
    proxied_ide_url: null,
    attached_ssh_command: ["ssh", "train"],
    proxied_ssh_command: ["ssh", `${id}@127.0.0.1`, "-p", String(port)],
    sshproxy_hostname: "127.0.0.1",
    sshproxy_port: expect.any(Number),
    sshproxy_upstream_id: id,
  });
  const headers = { host: "gpu.example.com:1234" };
  const { body } = await coordinator.post("/api/project/main/runs/get", { run_name: "train" }, { headers });
  expect(Run.parse(body).jobs[0]?.job_connection_info?.sshproxy_hostname).toBe("gpu.example.com");
  const line = await (await fetch(`${coordinator.url}/ssh_known_hosts`)).text();
  expect(line).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 AAAA\S+\n$/);
  expect(line).toContain(`:${port} `);
});

test("the user's key lets in, and one that they have added; nobody else's does", async () => {
  const privateKey = await keyOf(ada);
  expect(await sshEcho({ privateKey })).toBe("in\n");
  expect(asked.at(-1)).toMatchObject({
    kind: "ssh",
    user: null,
    keys: [expect.stringMatching(/^ssh-ed25519 /)],
  });
  const added = newKeyPair();
  await coordinator.post("/api/users/public_keys/add", { key: added.public }, { token: ada });
  expect(await sshEcho({ privateKey: added.private })).toBe("in\n");
  const evil = await coordinator.addUser("eve", "manager");
  expect(await sshEcho({ privateKey: await keyOf(evil) })).toContain("authentication methods failed");
  expect(await sshEcho({ privateKey, username: UNREACHED })).toContain("authentication methods failed");
});

test("a proxy beside the coordinator gets one hop, with a key for this job", async () => {
  const { body } = await upstream(submission.replaceAll("-", ""));
  const { hosts, authorized_keys } = SshUpstream.parse(body);
  expect(hosts).toMatchObject([{ host: "127.0.0.1", user: "root" }]);
  expect(authorized_keys).toHaveLength(2);
  const [{ host, port, private_key } = { host: "", port: 0, private_key: "" }] = hosts;
  expect(await sshEcho({ host, port, username: "root", privateKey: private_key })).toBe("in\n");
  for (const id of [UNREACHED, "no id", submission])
    expect(await upstream(id)).toMatchObject({ status: 400 });
  expect(await upstream(UNREACHED, "another-token")).toMatchObject({ status: 403 });
});

/** Somebody who has logged in, and stays. */
const login = async (privateKey: string) => {
  const info = await connectionInfo();
  const client = new ssh2.Client();
  const gone = Promise.withResolvers<string>();
  client.once("close", () => gone.resolve("gone"));
  await new Promise<void>((resolve, reject) => {
    client.once("ready", resolve).on("error", reject);
    const address = { host: info?.sshproxy_hostname ?? "", port: info?.sshproxy_port ?? 0 };
    client.connect({ ...address, username: info?.sshproxy_upstream_id ?? "", privateKey });
  });
  const isThere = () => Promise.race([gone.promise, Promise.resolve("there")]);
  return { gone: gone.promise, isThere, end: () => client.destroy() };
};

test("who is in is out as soon as they would not get in any more: by that key, or at all", async () => {
  const added = newKeyPair();
  const { body } = await coordinator.post(
    "/api/users/public_keys/add",
    { key: added.public },
    { token: ada },
  );
  const byAdded = await login(added.private);
  const byOwn = await login(await keyOf(ada));
  const ids = [PublicKeyInfo.parse(body).id];
  await coordinator.post("/api/users/public_keys/delete", { ids }, { token: ada });
  expect(await byAdded.gone).toBe("gone");
  expect(await byOwn.isThere()).toBe("there");
  const setActive = (active: boolean) =>
    coordinator.post("/api/users/update", { username: "ada", global_role: "user", active });
  await setActive(false);
  expect(await byOwn.gone).toBe("gone");
  await setActive(true);
});

test("who is no longer of the project, or may not come in any more, does not get in", async () => {
  const privateKey = await keyOf(ada);
  const setActive = (active: boolean) =>
    coordinator.post("/api/users/update", { username: "ada", global_role: "user", active });
  await setActive(false);
  expect(await sshEcho({ privateKey })).toContain("authentication methods failed");
  await setActive(true);
  expect(await sshEcho({ privateKey })).toBe("in\n");
  await coordinator.post("/api/projects/main/remove_members", { usernames: ["ada"] });
  expect(await sshEcho({ privateKey })).toContain("authentication methods failed");
});

test("a job that has ended has no way to it any more", async () => {
  await agent.finished(submission, 0);
  await waitFor("the end", async () => (await upstream(submission.replaceAll("-", ""))).status === 400);
  expect(await connectionInfo()).toBeNull();
});
