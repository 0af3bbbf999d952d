import { expect, test } from "bun:test";
import { FakeClock } from "../shared/testing/fakeClock.ts";
import { waitFor } from "../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../shared/tls/certificates.ts";
import { listen } from "./listen.ts";
import type { SocketOwner } from "./relay/sockets.ts";

const HOUR_MS = 3_600_000;
const RENEWALS = 20;

const settings = (clock = new FakeClock()) => ({
  host: "127.0.0.1",
  port: 0,
  trustedProxies: [],
  uploadLimits: { inOne: 0, inParts: 0, partsSetting: "" },
  clock,
});

const certificates = async () => {
  const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };
  const authority = await makeAuthority("one", valid);
  return {
    ca: authority.cert,
    issue: (name: string) => issueCertificate(authority, { ...valid, names: ["127.0.0.1", name] }),
  };
};

/** In a process of its own, as whoever shares our loop cannot come at a bad moment. Prints how many answers it has. */
const HAMMER = `
const { URL, CA, KEEP } = process.env;
let answers = 0;
process.stdin.on("data", () => process.exit(0));
const hammer = async () => {
  for (;;) {
    const answer = await fetch(URL, { keepalive: KEEP === "1", tls: { ca: CA } });
    await answer.text();
    answers += 1;
    console.log(answers);
  }
};
await Promise.all([hammer(), hammer(), hammer()]);
`;

const startHammer = (url: string, ca: string, keep: "0" | "1") => {
  const child = Bun.spawn([process.execPath, "-e", HAMMER], {
    env: { ...process.env, URL: url, CA: ca, KEEP: keep },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  let [out, answers] = ["", 0];
  const read = (async () => {
    for await (const bytes of child.stdout) {
      out += new TextDecoder().decode(bytes);
      const lines = out.split("\n");
      out = lines.pop() ?? "";
      answers += lines.length;
    }
  })();
  return {
    get answers() {
      if (child.exitCode !== null) throw new Error(`It has ended after ${answers} answers`);
      return answers;
    },
    end: async () => {
      child.stdin.write("end\n");
      await child.stdin.end();
      const [said, code] = [await new Response(child.stderr).text(), await child.exited];
      await read;
      return { said, code };
    },
  };
};

const onLinux = test.skipIf(process.platform !== "linux");

onLinux(
  "on Linux, a certificate is renewed twenty times: nobody is refused, no poll, no stream ends",
  async () => {
    const clock = new FakeClock();
    const { ca, issue } = await certificates();
    const heard: string[] = [];
    const owner: SocketOwner = {
      opened: () => {},
      received: (bytes) => heard.push(new TextDecoder().decode(bytes)),
      gone: () => heard.push("gone"),
    };
    const polled = Promise.withResolvers<Response>();
    const app = {
      fetch: (request: Request, env: object) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/poll") return polled.promise;
        if (pathname !== "/socket") return new Response("there");
        (env as { upgrade(of: SocketOwner): boolean }).upgrade(owner);
        return new Response(null);
      },
    };
    const listening = listen(app, settings(clock), await issue("first"));
    const url = `https://127.0.0.1:${listening.port}`;
    const poll = fetch(`${url}/poll`, { tls: { ca } });
    const socket = new WebSocket(`wss://127.0.0.1:${listening.port}/socket`, { tls: { ca } });
    await waitFor("the socket", () => socket.readyState === WebSocket.OPEN);
    const clients = [startHammer(url, ca, "0"), startHammer(url, ca, "1")];

    for (let at = 1; at <= RENEWALS; at += 1) {
      const counts = clients.map((client) => client.answers);
      await waitFor(
        "answers",
        () => clients.every((client, n) => client.answers > (counts[n] ?? 0) + 3),
        20_000,
      );
      clock.advance(60_000);
      listening.renew(await issue(`renewal-${at}`));
      socket.send(Buffer.from(`${at}`));
    }
    const seen = await new Promise<string>((resolve, reject) => {
      const asked = Bun.connect({
        hostname: "127.0.0.1",
        port: listening.port,
        tls: { ca },
        socket: {
          handshake: (to) => resolve(JSON.stringify(to.getPeerCertificate())),
          data: () => {},
          connectError: (_, err) => reject(err),
        },
      });
      asked.catch(reject);
    });
    expect(seen).toContain(`renewal-${RENEWALS}`);
    for (const client of clients) expect(await client.end()).toEqual({ said: "", code: 0 });
    polled.resolve(new Response("polled"));
    expect(await (await poll).text()).toBe("polled");
    await waitFor("what was sent", () => heard.length === RENEWALS);
    expect(heard).not.toContain("gone");
    await listening.stop(true);
  },
  60_000,
);

test("a certificate that cannot be served leaves the one before in place", async () => {
  const { ca, issue } = await certificates();
  const [one, two] = [await issue("one"), await issue("two")];
  const listening = listen({ fetch: () => new Response("there") }, settings(), one);
  expect(() => listening.renew({ cert: one.cert, key: two.key })).toThrow("Cannot listen");
  const answer = await fetch(`https://127.0.0.1:${listening.port}`, { tls: { ca } });
  expect(await answer.text()).toBe("there");
  await listening.stop(true);
});

test("a port that is taken is said, also after a renewal", async () => {
  const { issue } = await certificates();
  const app = { fetch: () => new Response("there") };
  const listening = listen(app, settings(), await issue("one"));
  listening.renew(await issue("two"));
  expect(() => listen(app, { ...settings(), port: listening.port }, undefined)).toThrow("Cannot listen");
  await listening.stop(true);
});
