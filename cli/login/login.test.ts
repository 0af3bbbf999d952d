import { describe, expect, test } from "bun:test";
import { readProjects } from "../settings/configFile.ts";
import { type CliOptions, newPerson } from "../testing/runCli.ts";

/** A server with single sign-on, and a browser that does as it is told. */
const startServer = ({ providers = ["github"], projects = ["a", "b"], refuses = false } = {}) => {
  const asked: { path: string; body: unknown; cookie: string | null; auth: string | null }[] = [];
  let port = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, origin } = new URL(request.url);
      if (pathname === "/") return Response.redirect(`${origin}/home/`);
      const path = pathname.replace(/^\/home/, "");
      const body = JSON.parse((await request.text()) || "null");
      asked.push({
        path,
        body,
        cookie: request.headers.get("cookie"),
        auth: request.headers.get("authorization"),
      });
      if (path.endsWith("/list_providers"))
        return Response.json([
          ...providers.map((name) => ({ name, enabled: true })),
          { name: "off", enabled: false },
        ]);
      if (path.endsWith("/authorize")) {
        port = body.local_port;
        const headers = { "set-cookie": "oauth-state=s1; HttpOnly; Path=/" };
        return Response.json({ authorization_url: `${origin}/provider?state=s1` }, { headers });
      }
      if (path.endsWith("/callback"))
        return refuses
          ? Response.json(
              { detail: [{ msg: "Invalid state", code: "invalid_credentials" }] },
              { status: 400 },
            )
          : Response.json({ username: "ann", creds: { token: "secret" } });
      if (path === "/api/projects/list")
        return Response.json(projects.map((name) => ({ project_name: name })));
      return new Response("home");
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    comeBack: (query: string) => fetch(`http://127.0.0.1:${port}/auth/callback?${query}`),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

const login = async (
  server: ReturnType<typeof startServer>,
  argv: readonly string[],
  options: CliOptions = {},
) => {
  const person = newPerson();
  const started = person.start(["login", "--url", server.url.replace("http://", ""), ...argv], options);
  await started.waitForOut("to log in with Github:");
  // Somebody else's page that has found the port.
  expect((await server.comeBack("code=x")).status).toBe(404);
  expect((await server.comeBack("code=c1&state=s1")).status).toBe(200);
  return { person, started };
};

describe("login", () => {
  test("goes by the browser and back, adds all projects, and keeps the default where that is asked for", async () => {
    await using server = startServer();
    const { person, started } = await login(server, ["-n"]);
    const { code, out } = await started.finished;
    const home = `${server.url}/home`;
    expect(out).toStartWith(`Open the URL to log in with Github:\n\n${server.url}/provider?state=s1\n`);
    expect(out).toEndWith(`Logged in as ann\nAdded a, b projects at ${person.home}/.dstack/config.yml\n`);
    expect(code).toBe(0);
    expect(server.asked.find(({ path }) => path.endsWith("/callback"))).toMatchObject({
      path: "/api/auth/github/callback",
      body: { code: "c1", state: "s1" },
      cookie: "oauth-state=s1",
    });
    expect(server.asked.at(-1)?.auth).toBe("Bearer secret");
    const projects = await readProjects(person.home);
    expect(projects.map(({ name, url, token }) => [name, url, token])).toEqual([
      ["a", home, "secret"],
      ["b", home, "secret"],
    ]);
    person[Symbol.dispose]();
  });

  test.each([
    [["-y"], {}, undefined, "a"],
    [[], {}, undefined, "a"],
    [[], { isTerminal: true, columns: 100 }, "2", "b"],
  ] as const)("%j with %j: the default", async (argv, options, answer, expected) => {
    await using server = startServer();
    const { person, started } = await login(server, argv, options);
    if (answer !== undefined) {
      await started.waitForOut("Select the default project:");
      started.type(answer);
    }
    await started.finished;
    expect((await readProjects(person.home)).find((each) => each.isDefault)?.name).toBe(expected);
    person[Symbol.dispose]();
  });

  test("a login that the server refuses, and a Ctrl-C while the browser is open", async () => {
    await using refusing = startServer({ refuses: true });
    const { person, started } = await login(refusing, ["-y"]);
    expect(await started.finished).toMatchObject({
      code: 1,
      out: expect.stringMatching(/\nCLI authentication failed\n$/),
    });
    person[Symbol.dispose]();
    await using server = startServer();
    using other = newPerson();
    const waiting = other.start(["login", "--url", server.url, "-y"]);
    await waiting.waitForOut("to log in with");
    waiting.interrupt();
    expect(await waiting.finished).toMatchObject({
      code: 0,
      out: expect.stringContaining("interrupted by user"),
    });
  });

  test("no provider, several of them, one that is not there; no server at all", async () => {
    using person = newPerson();
    const said = async (options: Parameters<typeof startServer>[0], ...argv: string[]) => {
      await using server = startServer(options);
      return (await person.run(["login", "--url", server.url, ...argv])).out.split("\n")[0];
    };
    expect(await said({ providers: [] })).toBe("No SSO providers configured on the server.");
    expect(await said({ providers: ["github", "google"] })).toBe(
      "Specify -p/--provider to choose SSO provider Available providers: github, google",
    );
    expect(await said({}, "-p", "okta")).toStartWith("Provider okta is not one of the server's.");
    expect(await person.run(["login", "--url", "127.0.0.1:1"])).toMatchObject({
      code: 1,
      out: "Failed to resolve url 127.0.0.1:1\n",
    });
    expect(await person.run(["login"])).toMatchObject({ code: 2, out: "" });
  });
});

describe("project at a terminal", () => {
  test("is a menu, where there is something to choose", async () => {
    using person = newPerson();
    const entry = (name: string, isDefault: boolean) =>
      `- {name: ${name}, url: "http://${name}", token: t, default: ${isDefault}}\n`;
    await person.write("home/.dstack/config.yml", `projects:\n${entry("one", true)}${entry("two", false)}`);
    const terminal = { isTerminal: true, columns: 100 };
    const started = person.start(["project"], terminal);
    await started.waitForOut("Number or name: ");
    expect(started.out()).toBe(
      "Select the default project:\n* 1  one (http://one)\n  2  two (http://two)\nNumber or name: ",
    );
    started.type("three");
    started.type("two");
    expect(await started.finished).toMatchObject({ code: 0, out: expect.stringMatching(/OK\n$/) });
    expect((await readProjects(person.home)).find((each) => each.isDefault)?.name).toBe("two");
    // Written out, and in a pipe, it is the list.
    for (const [argv, options] of [
      [["project", "list"], terminal],
      [["project", "-v", "--json"], terminal],
      [["project"], {}],
    ] as const)
      expect((await person.run(argv, options)).out).not.toContain("Select");
  });
});
