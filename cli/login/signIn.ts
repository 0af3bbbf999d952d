import { AppError } from "../../shared/errors.ts";
import { answerOf, hasKeys, isText, understand } from "../api/answer.ts";
import { ApiRefusal } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { interruptible } from "../process/interruptible.ts";
import { askServer } from "./server.ts";

const CALLBACK = "/auth/callback";

const authorizeAnswer = answerOf<{ authorization_url: string }>(hasKeys({ authorization_url: isText }));
const userAnswer = answerOf<{ username: string; creds: { token: string } }>(
  hasKeys({ username: isText, creds: hasKeys({ token: isText }) }),
);

interface Wish {
  readonly url: string;
  readonly provider: string;
}

/** Sends the user to the provider by way of a browser, and waits for what it sends back (docs/spec/cli.md §3.3). */
export const signIn = async (
  ctx: Context,
  { url, provider }: Wish,
): Promise<{ username: string; token: string }> => {
  await using callback = listenForCallback();
  const base = `/api/auth/${encodeURIComponent(provider)}`;
  const begun = await askServer(url, {
    path: `${base}/authorize`,
    body: { local_port: callback.port, base_url: null },
  });
  const { authorization_url: address } = understand(authorizeAnswer, begun.body, url);
  const name = `${provider.charAt(0).toUpperCase()}${provider.slice(1)}`;
  ctx.out.write(
    openBrowser(ctx, address)
      ? `Your browser has been opened to log in with ${name}:\n\n${address}\n\n`
      : `Open the URL to log in with ${name}:\n\n${address}\n\n`,
  );
  const returned = await interruptible(ctx, () => callback.returned);
  try {
    const path = `${base}/callback`;
    const ended = await askServer(url, {
      path,
      body: { ...returned, base_url: null },
      cookie: begun.cookie,
    });
    const { username, creds } = understand(userAnswer, ended.body, `${url}${path}`);
    return { username, token: creds.token };
  } catch (cause) {
    if (!(cause instanceof ApiRefusal)) throw cause;
    throw new AppError("unauthenticated", "CLI authentication failed", { cause });
  }
};

interface Returned {
  readonly code: string;
  readonly state: string;
}

const listenForCallback = () => {
  const returned = Promise.withResolvers<Returned>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const [code, state] = [searchParams.get("code"), searchParams.get("state")];
      if (pathname !== CALLBACK || !code || !state)
        return new Response("Not what was waited for", { status: 404 });
      returned.resolve({ code, state });
      return new Response("You are logged in. This window may be closed.");
    },
  });
  return {
    port: server.port,
    returned: returned.promise,
    [Symbol.asyncDispose]: () => server.stop(),
  };
};

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
  linux: ["xdg-open"],
};

/** Whether there is a browser to be opened; a machine without a screen has none. */
const openBrowser = ({ env }: Context, address: string): boolean => {
  const [program, ...args] = OPENERS[process.platform] ?? [];
  if (program === undefined) return false;
  if (process.platform === "linux" && !env["DISPLAY"] && !env["WAYLAND_DISPLAY"]) return false;
  const path = Bun.which(program, { PATH: env["PATH"] ?? "" });
  if (path === null) return false;
  Bun.spawn([path, ...args, address], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).unref();
  return true;
};
