import { expect, test } from "bun:test";
import { connect } from "node:net";
import { silentLogger } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openSshHost } from "../testing/sshHost.ts";
import { CarriedLinks } from "./carriedLinks.ts";
import { carry } from "./carry.ts";
import { logIn } from "./jump.ts";

const NEVER = new AbortController().signal;

const startCoordinator = () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("it") });
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) };
};

const ask = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`, { keepalive: false }).then(
    (answer) => answer.text(),
    () => "nobody",
  );

test("a carried link is made again when it is lost, says how it is, and ends when it is dropped", async () => {
  await using coordinator = startCoordinator();
  await using host = await openSshHost();
  const dial = () => connect(coordinator.port, "127.0.0.1");
  const free = async () => {
    await using connection = await logIn(
      { login: host.login(), jump: null },
      { note: () => Promise.resolve(), signal: NEVER },
    );
    return await carry(connection, { hostname: "h", port: null, dial });
  };
  const port = await free();
  const told: (string | null)[] = [];
  const links = new CarriedLinks({ dial, log: silentLogger });
  links.hold("a", {
    login: host.login(),
    jump: null,
    port,
    tell: (err) => told.push(err instanceof Error ? err.message : null),
  });
  await waitFor("the link", async () => (await ask(port)) === "it");
  host.cut();
  await waitFor("the link again", async () => host.logins() > 2 && (await ask(port)) === "it", 20_000);
  expect(told.at(-1)).toBeNull();
  await links.drop("a");
  await waitFor("its end", async () => (await ask(port)) === "nobody");
  await links.close();
}, 40_000);
