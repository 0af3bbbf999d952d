/** A coordinator behind the reverse proxies of docs/on-prem.md, set up as that page says. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { startAgent } from "./harness/agent.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { freePort } from "./harness/freePort.ts";
import { createNetwork, type Host } from "./harness/network.ts";
import { run, startProgram } from "./harness/program.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, SMALL } from "./harness/system.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/on-prem.md"), "utf8");
const HOUR_MS = 3_600_000;

const shown = (language: string): string => {
  const [, block] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(PAGE) ?? [];
  if (block === undefined) throw new Error(`The page shows nothing in ${language}`);
  return block;
};

/** Each part of the page's text that is of its machine, by that of this one; all of them have to be there. */
const inPlaceOf = (text: string, parts: Record<string, string>): string =>
  Object.entries(parts).reduce((made, [part, own]) => {
    if (!made.includes(part)) throw new Error(`The page does not say "${part}"`);
    return made.replaceAll(part, own);
  }, text);

describeWith([...NEEDS.process, "root", "curl", "reverseProxies"], "behind a reverse proxy", () => {
  const undo = new AsyncDisposableStack();
  let dir: string;
  let ip: string;
  let host: Host;
  let coordinator: Coordinator;
  const at = (name: string) => join(dir, name);

  beforeAll(async () => {
    ({ path: dir } = undo.use(tempDir()));
    // The proxies' workers are other users.
    chmodSync(dir, 0o755);
    const network = undo.use(await createNetwork());
    ({ ip } = network);
    host = await network.addHost("host");
    const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + 24 * HOUR_MS };
    const authority = await makeAuthority("of the proxies", valid);
    const { cert, key } = await issueCertificate(authority, { ...valid, names: [ip] });
    for (const [name, text] of Object.entries({ "ca.pem": authority.cert, "cert.pem": cert, "key.pem": key }))
      writeFileSync(at(name), text);
    coordinator = undo.use(
      await startCoordinator({
        dir: at("c"),
        env: { DSTACK_SERVER_TRUSTED_PROXIES: "127.0.0.1", DSTACK_SERVER_DIRECT_TUNNELS: "off" },
      }),
    );
  }, 60_000);
  afterAll(() => undo.disposeAsync());

  const proxies: Record<string, (port: number, upstream: string) => string[]> = {
    nginx: (port, upstream) => {
      const site = inPlaceOf(shown("nginx"), {
        "listen 443 ssl": `listen ${ip}:${port} ssl`,
        "dstack.example.org": ip,
        "/etc/ssl/dstack.pem": at("cert.pem"),
        "/etc/ssl/private/dstack.key": at("key.pem"),
        "127.0.0.1:3000": upstream,
      });
      const own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((what) => `${what}_temp_path ${at(`nginx-${what}`)};`)
        .join(" ");
      writeFileSync(
        at("nginx.conf"),
        `daemon off; pid ${at("nginx.pid")}; error_log ${at("nginx-error.log")};\nevents {}\nhttp { access_log off; ${own}\n${site}}\n`,
      );
      return ["nginx", "-c", at("nginx.conf")];
    },
    caddy: (port, upstream) => {
      const site = inPlaceOf(shown("caddyfile"), {
        "dstack.example.org {": `https://${ip}:${port} {\n  tls ${at("cert.pem")} ${at("key.pem")}`,
        "127.0.0.1:3000": upstream,
      });
      writeFileSync(
        at("Caddyfile"),
        `{\n  admin off\n  auto_https disable_redirects\n  grace_period 1s\n}\n${site}`,
      );
      return ["caddy", "run", "--config", at("Caddyfile"), "--adapter", "caddyfile"];
    },
  };

  test.each(Object.keys(proxies))(
    "%s: polls, uploads, streams and WebSockets pass",
    async (name) => {
      await using used = new AsyncDisposableStack();
      const port = await freePort(ip);
      const url = `https://${ip}:${port}`;
      const command = proxies[name]?.(port, new URL(coordinator.url).host) ?? [];
      used.use(
        startProgram({
          name,
          command,
          logFile: at(`${name}.log`),
          env: { PATH: "/usr/sbin:/usr/bin:/bin", HOME: dir },
          cwd: dir,
        }),
      );
      const tls = { ca: readFileSync(at("ca.pem"), "utf8") };
      const isUp = () =>
        fetch(`${url}/healthcheck`, { tls }).then(
          ({ ok }) => ok,
          () => false,
        );
      await waitFor(`${name} to answer`, isUp);
      const trusting = { DSTACK_CA_FILE: at("ca.pem") };
      const agent = used.use(
        await startAgent({
          coordinator: { ...coordinator, url },
          dir: at(`${name}-host`),
          runtime: "process",
          name,
          fleet: name,
          place: host,
          env: trusting,
        }),
      );
      const [home, work] = [at(`${name}-home`), at(`${name}-work`)];
      for (const folder of [home, work]) mkdirSync(folder);
      writeFileSync(join(work, "big"), Buffer.alloc(3 * 1024 * 1024, 7));
      const env = { ...trusting, HOME: home };
      const { client } = coordinator;
      const add = ["project", "add", "--name", "main", "--url", url, "--token", coordinator.token, "-y"];
      await client.dstackOk(add, { env, place: host });
      const [localPort, remote] = [await freePort(), `/tmp/dstack-${name}-${process.pid}`];
      const file = at(`${name}.dstack.yml`);
      writeFileSync(
        file,
        JSON.stringify({
          type: "task",
          name: `site-${name}`,
          fleets: [name],
          files: [`${work}:${remote}`],
          commands: [`cd ${remote}`, "wc -c < big", "exec busybox httpd -f -p 127.0.0.1:8000"],
          ports: [`${localPort}:8000`],
          resources: SMALL,
        }),
      );
      await using attached = client.startDstack(["apply", "-y", "-f", file], {
        place: host,
        env,
        logFile: at(`${name}-apply.log`),
      });
      await attached.waitForOutput(/3145728/);
      const get = [
        "curl",
        "-s",
        `http://127.0.0.1:${localPort}/big`,
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
      ];
      const size = async () => (await run(get, { place: host })).stdout;
      await waitFor("the page", async () => (await size()) === "3145728");
      const told = async () => (await client.dstackOk(["event"])).replace(/\s+/g, " ");
      await waitFor("the event with the client's own address", async () =>
        (await told()).includes(`From: ${host.ip}`),
      );
      await attached.kill9();
      await client.dstackOk(["stop", "-y", "-x", `site-${name}`]);
      expect(agent.program.output()).not.toContain("does not answer");
    },
    60_000,
  );
});
