import { AppError } from "../../shared/errors.ts";
import { API_VERSION } from "../../shared/version.ts";
import { answerOf, hasKeys, isListOf, isText, understand } from "../api/answer.ts";
import { ApiRefusal, Unreachable } from "../api/refusal.ts";
import { withoutSlash } from "../settings/connection.ts";

// What is asked of a server before there is a token (docs/spec/http-api.md §2.2).

interface Question {
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
  /** Of the answer to an earlier question of the same login. */
  readonly cookie?: string;
}

/** The answer's body, and the cookies that go with the next question. */
export const askServer = async (
  url: string,
  { path, body, token, cookie }: Question,
): Promise<{ body: unknown; cookie: string }> => {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: {
        "x-api-version": API_VERSION,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(cookie === undefined ? {} : { cookie }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (err) {
    throw new Unreachable(url, err);
  }
  const answered: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new ApiRefusal(response.status, `${url}${path}`, answered);
  const cookies = response.headers.getSetCookie().map((each) => each.split(";")[0] ?? "");
  return { body: answered, cookie: cookies.join("; ") };
};

/** Where an address leads in the end; one without a scheme is taken for HTTP. */
export const resolveServer = async (given: string): Promise<string> => {
  const url = /^https?:\/\//.test(given) ? given : `http://${given}`;
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return withoutSlash(new URL(response.url).origin + new URL(response.url).pathname);
  } catch (cause) {
    throw new AppError("unavailable", `Failed to resolve url ${given}`, { cause });
  }
};

const providersAnswer = answerOf<readonly { name: string; enabled: boolean }[]>(
  isListOf(hasKeys({ name: isText })),
);

export const listProviders = async (url: string): Promise<string[]> => {
  const path = "/api/auth/list_providers";
  const { body } = await askServer(url, { path });
  return understand(providersAnswer, body, `${url}${path}`).flatMap(({ name, enabled }) =>
    enabled ? [name] : [],
  );
};

const projectsAnswer = answerOf<readonly { project_name: string }[]>(
  isListOf(hasKeys({ project_name: isText })),
);

export const listOwnProjects = async (url: string, token: string): Promise<string[]> => {
  const path = "/api/projects/list";
  const { body } = await askServer(url, { path, body: { include_not_joined: false }, token });
  return understand(projectsAnswer, body, `${url}${path}`).map((each) => each.project_name);
};
