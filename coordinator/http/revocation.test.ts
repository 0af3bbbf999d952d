/** What is open, and what of it ends when something changes: the rules as people meet them, over HTTP. */
import { describe, expect, test } from "bun:test";
import { UserWithCreds } from "../../shared/api/users.ts";
import { systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { Dialler, tunnelUrl } from "../../shared/tunnel/dialler.ts";
import { startTestCoordinator, type TestCoordinator } from "../testing/startTestCoordinator.ts";
import { TestAgent } from "../testing/testAgent.ts";

const PORT = { kind: "port", port: 8080 };
const SSH = { kind: "ssh" };

/**
 * A run of ann's, a user of the project `main`. Somebody who manages it, one who administers it, and one who administers
 * the coordinator and is of no project have streams to its job, too; bob is a user who has a link and nothing else.
 */
class Scene implements AsyncDisposable {
  readonly coordinator: TestCoordinator;
  readonly agent: TestAgent;
  readonly submission: string;
  readonly tokens: Record<string, string>;
  /** What ended, and with which words; `link` for whole links. */
  readonly ended = new Map<string, string>();
  readonly #closers = new AsyncDisposableStack();

  private constructor(
    coordinator: TestCoordinator,
    { agent, submission, tokens }: { agent: TestAgent; submission: string; tokens: Record<string, string> },
  ) {
    [this.coordinator, this.agent, this.submission, this.tokens] = [coordinator, agent, submission, tokens];
  }

  static async open(): Promise<Scene> {
    const coordinator = await startTestCoordinator();
    const agent = await TestAgent.join(coordinator);
    const tokens = {
      ann: await coordinator.addUser("ann", "user"),
      max: await coordinator.addUser("max", "manager"),
      pat: await coordinator.addUser("pat", "admin"),
      gus: await coordinator.addUser("gus"),
      bob: await coordinator.addUser("bob", "user"),
    };
    await coordinator.post("/api/users/update", { username: "gus", global_role: "admin", active: true });
    // Keys are made when somebody first asks for theirs.
    for (const token of Object.values(tokens))
      await coordinator.post("/api/users/get_my_user", undefined, { token });
    const resources = { cpu: "1..", memory: "1GB..", disk: null };
    const configuration = { type: "task", image: "busybox", commands: ["true"], ports: [8080], resources };
    const plan = { run_spec: { run_name: "web", configuration }, current_resource: null };
    await coordinator.post("/api/project/main/runs/apply", { plan, force: false }, { token: tokens.ann });
    const submission = await agent.take();
    await agent.running(submission);
    const scene = new Scene(coordinator, { agent, submission, tokens });
    await scene.#begin();
    return scene;
  }

  async post(path: string, body: unknown): Promise<void> {
    expect((await this.coordinator.post(path, body)).status).toBe(200);
  }

  async #begin(): Promise<void> {
    const { agent } = this;
    agent.onTunnelWanted = () =>
      void agent.dialTunnel(({ stream, accept }, request) => {
        const { to } = request as { to: { kind: string } };
        stream.handle(this.#notes(`host ${to.kind} ${stream.id}`));
        accept(to.kind);
      });
    this.#closers.use(agent.stayThere());
    for (const name of ["ann", "max", "pat", "gus"]) await this.#attach(name, [PORT, SSH]);
    await this.#attach("bob", []);
  }

  async #attach(name: string, targets: readonly object[]): Promise<void> {
    const dialler = new Dialler({
      url: tunnelUrl(this.coordinator.url, "/api/project/main/runs/tunnel"),
      headers: () => ({ authorization: `Bearer ${this.tokens[name]}` }),
      clock: systemClock,
      resumeMs: 1_000,
      onStream: () => {},
      onClosed: (reason) => void this.ended.set(`${name} link`, reason),
    });
    this.#closers.use(dialler);
    const accepted = targets.map((to) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stream = dialler.mux.open({ submission_id: this.submission, to });
      const { kind } = to as { kind: string };
      stream.handle({ ...this.#notes(`${name} ${kind}`), accepted: () => resolve() });
      return promise;
    });
    await Promise.all(accepted);
    await waitFor("the link", () => dialler.mux.isUp);
  }

  #notes(name: string) {
    return {
      accepted: () => {},
      data: () => {},
      credit: () => {},
      blocked: () => {},
      ended: () => {},
      closed: (failure?: { code: string; message: string }) =>
        void this.ended.set(name, `${failure?.code}: ${failure?.message}`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closers.disposeAsync();
    await this.coordinator[Symbol.asyncDispose]();
  }
}

const link = (name: string, reason: string) => ({
  [`${name} link`]: reason,
  ...both(name, reason, "link_lost"),
});
const both = (name: string, reason: string, code = "aborted") => ({
  [`${name} port`]: `${code}: ${reason}`,
  [`${name} ssh`]: `${code}: ${reason}`,
});
const ofAll = (reason: string) =>
  Object.assign({}, ...["ann", "max", "pat", "gus"].map((name) => both(name, reason)));

const REVOKED = "Access was revoked";
const NO_MEMBER = "Access to the project was revoked";
const KEY = "aborted: A key that could log in was revoked";
const member = (username: string, role: string) => ({ members: [{ username, project_role: role }] });
const user = (username: string, over: object) => ({ username, global_role: "user", active: true, ...over });

interface Row {
  change: string;
  make: (scene: Scene) => Promise<unknown>;
  ends: Record<string, string>;
}

const TABLE: Row[] = [
  {
    change: "a user is deleted",
    make: (scene) => scene.post("/api/users/delete", { users: ["ann"] }),
    ends: link("ann", REVOKED),
  },
  {
    change: "a user may not come in any more",
    make: (scene) => scene.post("/api/users/update", user("max", { active: false })),
    ends: link("max", REVOKED),
  },
  {
    change: "a user's token is made anew",
    make: (scene) => scene.post("/api/users/refresh_token", { username: "ann" }),
    ends: link("ann", REVOKED),
  },
  {
    change: "a user's keys for SSH are made anew",
    make: (scene) => scene.post("/api/users/refresh_ssh_key", { username: "ann" }),
    // It was the run's, too, of whom the others have been given the keys.
    ends: Object.fromEntries(["ann", "max", "pat", "gus"].map((name) => [`${name} ssh`, KEY])),
  },
  {
    change: "an admin of the coordinator is one no more",
    make: (scene) => scene.post("/api/users/update", user("gus", {})),
    ends: link("gus", NO_MEMBER),
  },
  {
    change: "somebody's address is another",
    make: (scene) => scene.post("/api/users/update", user("ann", { email: "ann@example.org" })),
    ends: {},
  },
  {
    change: "a member is removed",
    make: (scene) => scene.post("/api/projects/main/remove_members", { usernames: ["ann"] }),
    ends: link("ann", NO_MEMBER),
  },
  {
    change: "the members are replaced",
    make: (scene) =>
      scene.post("/api/projects/main/set_members", {
        members: ["admin", "ann", "max"].map((username) => ({
          username,
          project_role: username === "ann" ? "user" : "admin",
        })),
      }),
    ends: { ...link("pat", NO_MEMBER), "bob link": NO_MEMBER },
  },
  {
    change: "somebody who managed the project is a user of it",
    make: (scene) => scene.post("/api/projects/main/add_members", member("max", "user")),
    ends: both("max", "The run web is another user's"),
  },
  {
    change: "a user manages the project",
    make: (scene) => scene.post("/api/projects/main/add_members", member("bob", "manager")),
    ends: {},
  },
  {
    change: "a run is asked to stop, and has its time for it",
    make: (scene) => scene.post("/api/project/main/runs/stop", { runs_names: ["web"], abort: false }),
    ends: {},
  },
  {
    change: "the job ends",
    make: (scene) => scene.agent.finished(scene.submission, 0),
    ends: ofAll("The job has ended"),
  },
  {
    change: "the host leaves",
    make: (scene) => scene.agent.leave(true),
    ends: Object.assign(
      {},
      ...["ann", "max", "pat", "gus"].map((name) => both(name, "The host was removed", "link_lost")),
    ),
  },
];
describe.each(TABLE)("$change", ({ make, ends }) => {
  test("what may not be any more ends, and nothing else", async () => {
    await using scene = await Scene.open();
    await make(scene);
    const clients = () => Object.fromEntries([...scene.ended].filter(([name]) => !name.startsWith("host ")));
    await waitFor("the ends", () => Object.keys(clients()).length >= Object.keys(ends).length, 20_000);
    // What was not to end has had its chance: the next thing that is asked for comes after what was looked at.
    UserWithCreds.parse((await scene.coordinator.post("/api/users/get_my_user")).body);
    expect(clients()).toEqual(ends);
    const atHost = [...scene.ended.values()].filter((words) => words.startsWith("aborted: "));
    const streams = Object.keys(ends).filter((name) => !name.endsWith(" link"));
    if (Object.values(ends).some((words) => words.startsWith("aborted")))
      expect(atHost).toHaveLength(2 * streams.length);
  }, 30_000);
});
