import { NewJoinToken } from "../../shared/api/joinTokens.ts";
import { UserWithCreds } from "../../shared/api/users.ts";
import type { Clock } from "../../shared/clock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import type { Clouds } from "../domain/backends/clouds.ts";
import { startCoordinator } from "../main.ts";
import { checkDocumented } from "./documented.ts";

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

interface PostOptions {
  /** Undefined: the admin's; null: none. */
  token?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A whole coordinator on a port of its own, over a fresh folder. */
export interface TestCoordinator extends AsyncDisposable {
  url: string;
  adminToken: string;
  /** A request as clients make it; `body` undefined: none at all. */
  send(path: string, body?: unknown, options?: PostOptions): Promise<Response>;
  /** As `send`, with the answer read as JSON, which has to be as it is described. */
  post(path: string, body?: unknown, options?: PostOptions): Promise<Answer>;
  /** Makes a user, a member of project `main` where a role is given; answers the user's token. */
  addUser(username: string, role?: "admin" | "manager" | "user"): Promise<string>;
  /** A token with which hosts join a fleet of project `main`. */
  newJoinToken(fleet: string): Promise<string>;
  /** Ends it before it is disposed. */
  stop(): Promise<void>;
}

const ADMIN_TOKEN = "admin-token-of-the-tests";

export const startTestCoordinator = async (
  env: Record<string, string> = {},
  clouds?: Clouds,
  clock?: Clock,
): Promise<TestCoordinator> => {
  const dir = tempDir();
  const running = await startCoordinator({
    ...(clouds === undefined ? {} : { clouds }),
    ...(clock === undefined ? {} : { clock }),
    env: {
      DSTACK_SERVER_DIR: dir.path,
      DSTACK_SERVER_PORT: "0",
      DSTACK_SERVER_SSH_PORT: "off",
      DSTACK_SERVER_LOG_LEVEL: "error",
      DSTACK_SERVER_ADMIN_TOKEN: ADMIN_TOKEN,
      ...env,
    },
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= running.stop();
    return stopping;
  };
  const send: TestCoordinator["send"] = (path, body, { token = ADMIN_TOKEN, headers, signal } = {}) =>
    fetch(`${running.url}${path}`, {
      method: "POST",
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  const post: TestCoordinator["post"] = async (path, body, options) => {
    const response = await send(path, body, options);
    const { status, headers } = response;
    const answer = { status, headers, body: (await response.json()) as unknown };
    const contentType = headers.get("content-type") ?? "";
    checkDocumented({ path, version: options?.headers?.["x-api-version"] }, { ...answer, contentType });
    return answer;
  };
  return {
    url: running.url,
    adminToken: ADMIN_TOKEN,
    send,
    post,
    addUser: async (username, role) => {
      const { body } = await post("/api/users/create", { username, global_role: "user" });
      if (role !== undefined)
        await post("/api/projects/main/add_members", { members: [{ username, project_role: role }] });
      return UserWithCreds.parse(body).creds.token;
    },
    newJoinToken: async (fleet) =>
      NewJoinToken.parse((await post("/api/project/main/fleets/tokens/create", { fleet })).body).token,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      dir[Symbol.dispose]();
    },
  };
};
