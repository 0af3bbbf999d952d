import { createHash } from "node:crypto";
import { Fleet } from "../../shared/api/fleets.ts";
import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { Run } from "../../shared/api/runs.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { startTestCoordinator, type TestCoordinator } from "./startTestCoordinator.ts";
import { TestAgent } from "./testAgent.ts";

export const CALLERS = [
  "nobody",
  "bad token",
  "inactive",
  "outsider",
  "member",
  "manager",
  "padmin",
  "gadmin",
  "service",
] as const;
export type Caller = (typeof CALLERS)[number];

/** What callers may know of what is there. */
export interface Known {
  /** A run that lasts, and one that is done. */
  lasting: Run;
  done: Run;
  fleet: Fleet;
  /** Id of one with which hosts could join. */
  joinToken: string;
  /** Hash of an archive of the admin's. */
  archive: string;
}

/**
 * A coordinator with something of everything in its project `main`, where `member`, `manager` and `padmin` are in; of
 * the project `foreign` they are not, but `outsider` is its admin.
 */
export interface Seeded extends AsyncDisposable {
  coordinator: TestCoordinator;
  /** Null: none. */
  tokens: Readonly<Record<Caller, string | null>>;
  known: Known;
  /** A fetch as a browser or a script would do it. */
  upload(path: string, content: string, token: string | null): Promise<Response>;
}

const P = "/api/project/main";

export const sha256Of = (content: string): string => createHash("sha256").update(content).digest("hex");

export const startSeeded = async (env: Record<string, string> = {}): Promise<Seeded> => {
  await using opening = new AsyncDisposableStack();
  const coordinator = opening.use(
    await startTestCoordinator(
      {
        DSTACK_ENABLE_PROMETHEUS_METRICS: "1",
        DSTACK_SSHPROXY_API_TOKEN: SERVICE_TOKEN,
        DSTACK_SERVER_SSH_PORT: "0",
        ...env,
      },
      CLOUDS,
    ),
  );
  const post = async (path: string, body?: unknown): Promise<unknown> => {
    const answer = await coordinator.post(path, body);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const upload: Seeded["upload"] = (path, content, token) => {
    const form = new FormData();
    form.append("file", new Blob([content]), sha256Of(content));
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    return fetch(`${coordinator.url}${path}`, { method: "POST", headers, body: form });
  };
  const inactive = { username: "dormant", global_role: "user", active: false };
  const tokens = {
    nobody: null,
    "bad token": "not-a-token",
    inactive: UserWithCreds.parse(await post("/api/users/create", inactive)).creds.token,
    outsider: await coordinator.addUser("outsider"),
    member: await coordinator.addUser("member", "user"),
    manager: await coordinator.addUser("manager", "manager"),
    padmin: await coordinator.addUser("padmin", "admin"),
    gadmin: coordinator.adminToken,
    service: SERVICE_TOKEN,
  };
  await post("/api/projects/create", { project_name: "foreign" });
  await post("/api/projects/foreign/add_members", {
    members: [{ username: "outsider", project_role: "admin" }],
  });
  await post(`${P}/secrets/create_or_update`, { name: "hf_token", value: "secret" });
  const repo_info = { repo_type: "remote", repo_name: "code" };
  await post(`${P}/repos/init`, { repo_id: "code-12345678", repo_info });
  await upload("/api/files/upload_archive", ARCHIVE, coordinator.adminToken);

  const agent = await TestAgent.join(coordinator, { fleet: "lab" });
  const leaving = new AbortController();
  const flight = agent.autopilot(
    ({ argv }) => (/sleep/.test(argv.join(" ")) ? {} : { output: "hello\n", exitStatus: 0 }),
    leaving.signal,
  );
  opening.defer(async () => {
    leaving.abort();
    await flight;
  });
  const started = async (run_name: string, command: string, status: Run["status"]): Promise<Run> => {
    const run_spec = { run_name, configuration: { type: "task", commands: [command] }, ssh_key_pub: "" };
    await post(`${P}/runs/apply`, { plan: { run_spec }, force: false });
    return waitFor(`${run_name} to be ${status}`, async () => {
      const run = Run.parse(await post(`${P}/runs/get`, { run_name }));
      return run.status === status && run;
    });
  };
  const done = await started("done", "echo hello", "done");
  const lasting = await started("lasting", "sleep 1000000", "running");
  const fleet = Fleet.parse(await post(`${P}/fleets/get`, { name: "lab" }));
  const joinToken = NewJoinToken.parse(await post(`${P}/fleets/tokens/create`, { fleet: "lab" })).id;
  const opened = opening.move();
  return {
    coordinator,
    tokens,
    known: { done, lasting, fleet, joinToken, archive: sha256Of(ARCHIVE) },
    upload,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

const SERVICE_TOKEN = "token-of-the-ssh-proxy";
const ARCHIVE = "hardly a tar";

/** As if the projects had one of these. */
const CLOUDS = { types: ["gcp", "runpod"], isConfigured: () => true };
