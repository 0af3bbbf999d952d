import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

export interface SwitchOptions {
  /** Names of namespaces begin with it, and those of cables (15 characters at most). */
  name: string;
  /** Where its bridge is. */
  place: Place;
  bridge: string;
  /** Three numbers of every address here; the bridge's own ends in 1, and leads elsewhere. */
  prefix: string;
}

/** What hosts are plugged into; disposing takes them away. */
export interface Switch extends AsyncDisposable {
  ip: string;
  /** Without a cable it is as near as can be. */
  addHost(name: string, cable?: Cable): Promise<Host>;
}

export const openSwitch = async ({ name, place, bridge, prefix }: SwitchOptions): Promise<Switch> => {
  const ip = `${prefix}.1`;
  const here = (...args: string[]) => [
    "ip",
    ...(place.netns === undefined ? [] : ["-n", place.netns]),
    ...args,
  ];
  // Of this machine's own it is seen whether they are there yet.
  const sysPath = (link: string) => (place.netns === undefined ? `/sys/class/net/${link}` : undefined);
  await using undo = new AsyncDisposableStack();
  // Left to itself a bridge takes the lowest address of its ports: a host that joins could change it, and what the
  // others send would go nowhere until they had asked for the new one.
  await runOk(here("link", "add", bridge, "address", randomMac(), "type", "bridge"));
  undo.defer(() => removeLeft(here("link", "delete", bridge), sysPath(bridge)));
  await runOk(here("address", "add", `${ip}/24`, "dev", bridge));
  await runOk(here("link", "set", bridge, "up"));
  const cleanUp = undo.move();

  let hosts = 0;
  const addHost = async (hostName: string, cable?: Cable): Promise<Host> => {
    hosts += 1;
    const netns = `${name}-${hostName}`;
    const hostIp = `${prefix}.${hosts + 1}`;
    const port = `${name.split("-")[0]}p${hosts}`;
    await runOk(["ip", "netns", "add", netns]);
    cleanUp.defer(() => removeLeft(["ip", "netns", "delete", netns], `/run/netns/${netns}`));
    if (cable) cleanUp.use(await layCable(port, netns, cable));
    else {
      await runOk(here("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", netns));
      // A namespace goes away some time after its deletion, and only then takes its interfaces with it.
      cleanUp.defer(() => removeLeft(here("link", "delete", port), sysPath(port)));
    }
    await runOk(here("link", "set", port, "master", bridge, "up"));
    const inside = (...args: string[]) => runOk(["ip", "-n", netns, ...args]);
    await inside("link", "set", "lo", "up");
    await inside("address", "add", `${hostIp}/24`, "dev", "eth0");
    await inside("link", "set", "eth0", "up");
    await inside("route", "add", "default", "via", ip);
    const setPort = async (state: "up" | "down") => void (await runOk(here("link", "set", port, state)));
    const move = async () => {
      hosts += 1;
      await inside("address", "flush", "dev", "eth0");
      await inside("address", "add", `${prefix}.${hosts + 1}/24`, "dev", "eth0");
      await inside("route", "add", "default", "via", ip);
    };
    return { name: hostName, ip: hostIp, netns, cut: () => setPort("down"), mend: () => setPort("up"), move };
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

/**
 * What is not there any more is no failure: a namespace takes its interfaces along, and other test files sweep, too.
 * Without a path nobody can tell, and its namespace is about to go.
 */
export const removeLeft = async (command: readonly string[], path: string | undefined): Promise<void> => {
  const { code, stdout, stderr } = await run(command);
  if (code !== 0 && path !== undefined && existsSync(path))
    throw new Error(`${command.join(" ")}:\n${stdout}${stderr}`);
};
