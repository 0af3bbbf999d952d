import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { unmountUnder } from "./mounts.ts";
import { type Place, run, runOk, startProgram } from "./program.ts";

/** A host of its own: a network namespace that reaches the others over a bridge, as by a switch. */
export interface Host extends Place {
  name: string;
  ip: string;
  /** Pulls the cable: packets vanish, no connection is reset. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Has another address from now on, as a laptop that was carried elsewhere: what was open is of no more use. */
  move(): Promise<void>;
}

/** How far away a host is. */
export interface Cable {
  /** Of one direction. */
  delayMs: number;
  mbitPerS: number;
}

export interface Network extends AsyncDisposable {
  /** This machine's address on the bridge: where hosts reach what runs here. */
  ip: string;
  /** Without a cable it is as near as can be. */
  addHost(name: string, cable?: Cable): Promise<Host>;
}

let networks = 0;

/**
 * A private network. Its interfaces carry this process's id and it takes a subnet that nobody here uses, so
 * that several test runs can share a machine. Disposing removes all of it. Needs root.
 */
export const createNetwork = async (): Promise<Network> => {
  await sweepDeadNetworks();
  networks += 1;
  const bridge = `ds${process.pid}x${networks}`;
  const prefix = unusedPrefix();
  const ip = `${prefix}.1`;
  await using undo = new AsyncDisposableStack();
  // Left to itself a bridge takes the lowest address of its ports: a host that joins could change it, and what the
  // others send would go nowhere until they had asked for the new one.
  await runOk(["ip", "link", "add", bridge, "address", randomMac(), "type", "bridge"]);
  undo.defer(() => removeLeft(["ip", "link", "delete", bridge], `/sys/class/net/${bridge}`));
  await runOk(["ip", "address", "add", `${ip}/24`, "dev", bridge]);
  await runOk(["ip", "link", "set", bridge, "up"]);
  if (Bun.which("iptables")) {
    await runOk(forwardRule("-I", bridge));
    undo.defer(async () => void (await runOk(forwardRule("-D", bridge))));
  }
  const cleanUp = undo.move();

  let hosts = 0;
  const addHost = async (name: string, cable?: Cable): Promise<Host> => {
    hosts += 1;
    const netns = `${bridge}-${name}`;
    const hostIp = `${prefix}.${hosts + 1}`;
    const port = `${bridge}p${hosts}`;
    await runOk(["ip", "netns", "add", netns]);
    cleanUp.defer(() => removeLeft(["ip", "netns", "delete", netns], `/run/netns/${netns}`));
    if (cable) cleanUp.use(await layCable(port, netns, cable));
    else {
      await runOk(["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", netns]);
      // A namespace goes away some time after its deletion, and only then takes its interfaces with it.
      cleanUp.defer(() => removeLeft(["ip", "link", "delete", port], `/sys/class/net/${port}`));
    }
    await runOk(["ip", "link", "set", port, "master", bridge, "up"]);
    const inside = (...args: string[]) => runOk(["ip", "-n", netns, ...args]);
    await inside("link", "set", "lo", "up");
    await inside("address", "add", `${hostIp}/24`, "dev", "eth0");
    await inside("link", "set", "eth0", "up");
    await inside("route", "add", "default", "via", ip);
    const setPort = async (state: "up" | "down") => void (await runOk(["ip", "link", "set", port, state]));
    const move = async () => {
      hosts += 1;
      await inside("address", "flush", "dev", "eth0");
      await inside("address", "add", `${prefix}.${hosts + 1}/24`, "dev", "eth0");
      await inside("route", "add", "default", "via", ip);
    };
    return { name, ip: hostIp, netns, cut: () => setPort("down"), mend: () => setPort("up"), move };
  };
  return { ip, addHost, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

/** The same two ends as those of a pair of veths, with some way between them. */
const layCable = async (
  port: string,
  netns: string,
  { delayMs, mbitPerS }: Cable,
): Promise<AsyncDisposable> => {
  const far = `${port}f`;
  const program = startProgram({
    name: `the cable of ${netns}`,
    command: [
      process.execPath,
      join(import.meta.dir, "longCable.ts"),
      port,
      far,
      `${delayMs}`,
      `${mbitPerS}`,
    ],
    logFile: join(tmpdir(), `${netns}.log`),
    env: {},
    cwd: "/",
  });
  await program.waitForOutput(/ready/);
  await runOk(["ip", "link", "set", far, "netns", netns, "name", "eth0"]);
  return program;
};

/** A locally administered address of one station (IEEE 802, the two low bits of the first octet). */
const randomMac = (): string => ["02", ...(randomBytes(5).toString("hex").match(/../g) ?? [])].join(":");

/** A Docker engine on this machine sends bridged packets through iptables and drops those that it does not know. */
const forwardRule = (action: "-I" | "-D", bridge: string): string[] => {
  const rule = ["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"];
  return ["iptables", "-w", action, ...rule];
};

/** Removes what a test run left behind that was itself killed: its processes, namespaces and bridges. */
const sweepDeadNetworks = async (): Promise<void> => {
  const ownerOf = (name: string): string | undefined => name.match(/^ds(\d+)x\d+(?:-.*)?$/)?.[1];
  const isLeft = (name: string): boolean => {
    const pid = ownerOf(name);
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  const listed = await runOk(["ip", "netns", "list"]);
  for (const name of listed
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter(isLeft)) {
    const { stdout } = await run(["ip", "netns", "pids", name]);
    const pids = stdout.split("\n").filter(Boolean);
    if (pids.length > 0) await run(["kill", "-9", ...pids]);
    await removeLeft(["ip", "netns", "delete", name], `/run/netns/${name}`);
    await unmountUnder([`/run/${name}`]);
    rmSync(`/run/${name}`, { recursive: true, force: true });
  }
  const bridges = await runOk(["ip", "-brief", "link", "show", "type", "bridge"]);
  for (const name of bridges
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter(isLeft)) {
    await removeLeft(["ip", "link", "delete", name], `/sys/class/net/${name}`);
    if (Bun.which("iptables")) await run(forwardRule("-D", name));
  }
};

/** What is not there any more is no failure: a namespace takes its interfaces along, and other test files sweep, too. */
const removeLeft = async (command: readonly string[], path: string): Promise<void> => {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0 && existsSync(path)) throw new Error(`${command.join(" ")}:\n${stdout}${stderr}`);
};

const unusedPrefix = (): string => {
  const used = new Set(
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address.split(".").slice(0, 3).join(".")),
    ),
  );
  for (;;) {
    const [second = 0, third = 0] = randomBytes(2);
    const prefix = `10.${second}.${third}`;
    if (!used.has(prefix)) return prefix;
  }
};
