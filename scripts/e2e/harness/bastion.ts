import { type Place, runOk } from "./program.ts";
import { type Host, openSwitch, type Switch } from "./switch.ts";

export interface BehindOptions {
  /** Of the documentation's addresses (RFC 5737): no machine that tests run on has a way there. */
  prefix: "198.51.100" | "203.0.113";
  /** Whether its hosts reach what the bastion reaches, under its address. Nobody ever reaches them through it. */
  isOpenOutward: boolean;
}

/** A network behind one host, which has an address in it that ends in 1, and is all that anybody sees of it. */
export const openBehind = async (
  bastion: Host,
  { prefix, isOpenOutward }: BehindOptions,
): Promise<Switch> => {
  const lan = await openSwitch({ name: bastion.netns ?? "", place: bastion, bridge: "lan", prefix });
  const rules = [
    ["-P", "FORWARD", "DROP"],
    ...(isOpenOutward
      ? [
          ["-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE"],
          ["-A", "FORWARD", "-i", "lan", "-o", "eth0", "-j", "ACCEPT"],
          ["-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"],
        ]
      : []),
  ];
  for (const rule of rules) await inside(bastion, ["iptables", "-w", ...rule]);
  await inside(bastion, ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]);
  return lan;
};

const inside = (place: Place, command: readonly string[]) => runOk(command, { place });
