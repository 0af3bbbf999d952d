import { embedAlsoIn } from "../../shared/native/embedded.ts";
import { serverDirOf } from "../../shared/serverDir.ts";
import { VERSION } from "../../shared/version.ts";
import { defineCommand } from "../args/command.ts";
import { choice, flag, integer, list, text, value } from "../args/option.ts";
import type { Context } from "../context.ts";
import { printInfo } from "../output/message.ts";
import { keepAuthorities } from "../settings/authorities.ts";
import { readProjects } from "../settings/configFile.ts";
import { registerMainProject } from "../settings/mainProject.ts";

const TLS_WAYS = ["self-signed", "acme", "off"] as const;

const LEVELS = ["debug", "info", "warn", "error", "DEBUG", "INFO", "WARN", "ERROR"] as const;

export const command = defineCommand({
  description: "Start a coordinator: keeps runs and hosts, and serves clients and agents.",
  options: {
    host: value("--host HOST", "Address to listen on ($DSTACK_SERVER_HOST or 127.0.0.1)", text),
    port: value("-p, --port PORT", "Port to listen on ($DSTACK_SERVER_PORT or 3000)", integer),
    url: value(
      "--url URL",
      "Where clients and hosts reach it ($DSTACK_SERVER_URL or http://HOST:PORT)",
      text,
    ),
    sshPort: value(
      "--ssh-port PORT",
      "Port to answer SSH on, for stock clients; off: none ($DSTACK_SERVER_SSH_PORT or 30022)",
      text,
    ),
    tls: choice(
      "--tls WAY",
      "self-signed: speak TLS with a certificate of its own, which hosts and clients pin; acme: with one by a CA ($DSTACK_SERVER_TLS)",
      TLS_WAYS,
    ),
    tlsCert: value(
      "--tls-cert FILE",
      "Speak TLS with this certificate (PEM chain, read again when it changes; $DSTACK_SERVER_TLS_CERT)",
      text,
    ),
    tlsKey: value("--tls-key FILE", "Its key (PEM; $DSTACK_SERVER_TLS_KEY)", text),
    acmeDomain: list(
      "--acme-domain NAME",
      "What the CA is to certify: names that lead to this machine ($DSTACK_SERVER_ACME_DOMAINS)",
      text,
    ),
    acmeEmail: value(
      "--acme-email ADDRESS",
      "Where the CA writes to when something is wrong ($DSTACK_SERVER_ACME_EMAIL)",
      text,
    ),
    acmeDirectory: value(
      "--acme-directory URL",
      "The CA ($DSTACK_SERVER_ACME_DIRECTORY or Let's Encrypt)",
      text,
    ),
    acmeCaFile: value(
      "--acme-ca-file FILE",
      "By which the CA's own server is known, where the system does not know it (PEM; $DSTACK_SERVER_ACME_CA)",
      text,
      { complete: "file" },
    ),
    acmeHttpPort: value(
      "--acme-http-port PORT",
      "Where this machine gets what comes to port 80 of the names ($DSTACK_SERVER_ACME_HTTP_PORT or 80)",
      integer,
    ),
    allowHttp: flag(
      "--allow-http",
      "Speak plain HTTP on other addresses than loopback, too ($DSTACK_SERVER_ALLOW_HTTP)",
    ),
    dir: value("--dir DIR", "Where to keep everything ($DSTACK_SERVER_DIR or ~/.dstack/server)", text),
    token: value("--token TOKEN", "Token of the user admin ($DSTACK_SERVER_ADMIN_TOKEN or a new one)", text),
    debug: flag("-d, --debug", "The same as --log-level debug"),
    logLevel: choice(
      "-l, --log-level LEVEL",
      "debug, info, warn or error ($DSTACK_SERVER_LOG_LEVEL or info)",
      LEVELS,
    ),
    yes: flag("-y, --yes", "Make this server's main project the default of the client, without a question"),
    no: flag("-n, --no", "Leave the default project of the client as it is"),
  },
  exclusive: [
    ["debug", "logLevel"],
    ["yes", "no"],
    ["tls", "tlsCert"],
  ],
  run: async (ctx, { yes, no, ...values }) => {
    const { host, port, url, sshPort, dir, token, debug, logLevel, allowHttp } = values;
    const flags: Record<string, string | undefined> = {
      DSTACK_SERVER_HOST: host,
      DSTACK_SERVER_PORT: port === undefined ? undefined : String(port),
      DSTACK_SERVER_URL: url,
      DSTACK_SERVER_SSH_PORT: sshPort,
      DSTACK_SERVER_DIR: dir,
      DSTACK_SERVER_TLS: values.tls,
      DSTACK_SERVER_TLS_CERT: values.tlsCert,
      DSTACK_SERVER_TLS_KEY: values.tlsKey,
      DSTACK_SERVER_ACME_DOMAINS: values.acmeDomain.length === 0 ? undefined : values.acmeDomain.join(","),
      DSTACK_SERVER_ACME_EMAIL: values.acmeEmail,
      DSTACK_SERVER_ACME_DIRECTORY: values.acmeDirectory,
      DSTACK_SERVER_ACME_CA: values.acmeCaFile,
      DSTACK_SERVER_ACME_HTTP_PORT: values.acmeHttpPort === undefined ? undefined : `${values.acmeHttpPort}`,
      DSTACK_SERVER_ALLOW_HTTP: allowHttp ? "1" : undefined,
      DSTACK_SERVER_ADMIN_TOKEN: token,
      DSTACK_SERVER_LOG_LEVEL: debug ? "debug" : logLevel,
    };
    const given = Object.entries(flags).filter(([, text]) => text !== undefined);
    // Read before anything is started: a client configuration that is corrupt must not come out afterwards.
    await readProjects(ctx.home);
    const env = { ...ctx.env, HOME: ctx.home, ...Object.fromEntries(given) };
    embedAlsoIn(serverDirOf(env));
    // The one place where the two artefacts meet; nobody else pays for loading it.
    const { startCoordinator } = await import("../../coordinator/main.ts");
    const server = await startCoordinator({ env });
    using stopping = listenForStop(ctx);
    try {
      await greet(ctx, server, {
        yes: yes || isSet(ctx, "DSTACK_UPDATE_DEFAULT_PROJECT"),
        no: no || isSet(ctx, "DSTACK_DO_NOT_UPDATE_DEFAULT_PROJECT"),
      });
      await stopping.asked;
      printInfo(ctx, "Stopping...");
    } finally {
      await server.stop();
    }
  },
});

const isSet = (ctx: Context, name: string): boolean => /^(1|true|on|yes)$/i.test(ctx.env[name] ?? "");

interface Started {
  readonly url: string;
  readonly adminToken: string | undefined;
  readonly joinCommand: string;
  readonly fingerprint: string | undefined;
  readonly authority: string | undefined;
}

/** What a user needs next. Scripts look for the lines with the token and the address (docs/spec/cli.md §3.1). */
const greet = async (ctx: Context, server: Started, wish: { yes: boolean; no: boolean }): Promise<void> => {
  const { url, adminToken, joinCommand, fingerprint, authority } = server;
  if (adminToken !== undefined) printInfo(ctx, `The admin token is ${adminToken}`);
  printInfo(ctx, `The dstack server ${VERSION} is running at ${url}`);
  if (authority !== undefined) {
    printInfo(ctx, `The fingerprint of its authority is sha256:${fingerprint}`);
    // This machine made it, or was given it: its client need not be told.
    keepAuthorities(ctx.home, url, [authority]);
  }
  if (adminToken === undefined) {
    printInfo(ctx, "The admin token was shown at the first start; --token sets another one");
  } else await registerMainProject(ctx, { url, token: adminToken, ...wish });
  const others = isLoopback(url) ? ONLY_HERE : "";
  ctx.out.write(
    `\nTo join a host, run this on it (valid for a day; more: dstack fleet token create):\n\n  ${joinCommand}\n\n${others}`,
  );
};

const ONLY_HERE =
  "Only this machine reaches the server at that address. For other hosts, start it with --host 0.0.0.0\n--tls self-signed, or with --url and the address of a proxy with TLS that leads here.\n\n";

const isLoopback = (url: string): boolean => /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);

/** The first Ctrl-C or SIGTERM asks to stop; with a second one the process ends at once. */
const listenForStop = (ctx: Context): { readonly asked: Promise<void> } & Disposable => {
  const interrupt = ctx.interrupts.listen();
  const asked = Promise.withResolvers<void>();
  interrupt.signal.addEventListener("abort", () => asked.resolve(), { once: true });
  let isTerminating = false;
  const terminate = () => {
    if (isTerminating) process.exit(128 + 15);
    isTerminating = true;
    asked.resolve();
  };
  process.on("SIGTERM", terminate);
  return {
    asked: asked.promise,
    [Symbol.dispose]: () => {
      interrupt[Symbol.dispose]();
      process.off("SIGTERM", terminate);
    },
  };
};
