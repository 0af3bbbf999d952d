import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { unmountUnder } from "./mounts.ts";
import { run, runOk, THIS_MACHINE } from "./program.ts";
import { openSwitch, removeLeft, type Switch } from "./switch.ts";

export type { Cable, Host } from "./switch.ts";

/** `ip`: this machine's address on the bridge, where hosts reach what runs here. */
export type Network = Switch;

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
  await using undo = new AsyncDisposableStack();
  const hosts = undo.use(await openSwitch({ name: bridge, place: THIS_MACHINE, bridge, prefix }));
  if (Bun.which("iptables")) {
    await runOk(forwardRule("-I", bridge));
    undo.defer(async () => void (await runOk(forwardRule("-D", bridge))));
  }
  const cleanUp = undo.move();
  return { ...hosts, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

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
