/** IP addresses as numbers, as far as fleets need them. */
export interface Address {
  bits: 32 | 128;
  value: bigint;
}

const parseV4 = (text: string): bigint | undefined => {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256n + BigInt(part);
  }
  return value;
};

const groupsOf = (text: string): string[] | undefined => {
  if (text === "") return [];
  const groups = text.split(":");
  const last = groups.at(-1) ?? "";
  if (last.includes(".")) {
    const v4 = parseV4(last);
    if (v4 === undefined) return undefined;
    groups.splice(-1, 1, (v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16));
  }
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) ? groups : undefined;
};

const parseV6 = (text: string): bigint | undefined => {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  return groups.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
};

export const parseAddress = (text: string): Address | undefined => {
  const isV6 = text.includes(":");
  const value = isV6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { bits: isV6 ? 128 : 32, value };
};

export interface Network extends Address {
  /** Length of the prefix. */
  prefix: number;
}

const FULL_V4 = 0xffff_ffffn;

/** A mask (255.0.0.0) or its inverse (0.255.255.255) as a prefix length. */
const prefixOfMask = (mask: bigint): number | undefined => {
  const inverted = FULL_V4 ^ mask;
  const isPrefix = (hostBits: bigint) => (hostBits & (hostBits + 1n)) === 0n;
  const lengthOf = (hostBits: bigint) => 32 - (hostBits === 0n ? 0 : hostBits.toString(2).length);
  if (isPrefix(inverted)) return lengthOf(inverted);
  return isPrefix(mask) ? lengthOf(mask) : undefined;
};

/** `10.0.0.0/8`, also with host bits set, with a mask, or a single address. */
export const parseNetwork = (text: string): Network | undefined => {
  const [base = "", suffix, ...more] = text.split("/");
  const address = parseAddress(base);
  if (!address || more.length > 0) return undefined;
  if (suffix === undefined) return { ...address, prefix: address.bits };
  if (/^\d{1,3}$/.test(suffix))
    return Number(suffix) <= address.bits ? { ...address, prefix: Number(suffix) } : undefined;
  const mask = address.bits === 32 ? parseV4(suffix) : undefined;
  const prefix = mask === undefined ? undefined : prefixOfMask(mask);
  return prefix === undefined ? undefined : { ...address, prefix };
};

/** Whether `outer` holds all of `inner`. */
const contains = (outer: Network, inner: Network): boolean => {
  if (outer.bits !== inner.bits || outer.prefix > inner.prefix) return false;
  const shift = BigInt(outer.bits - outer.prefix);
  return outer.value >> shift === inner.value >> shift;
};

/** Not globally reachable, by the special-purpose address registries (RFC 6890 and its updates). */
const PRIVATE = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "240.0.0.0/4",
  "::/127",
  "::ffff:0:0/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
].flatMap((text) => parseNetwork(text) ?? []);

export const isWithin = (address: Address, network: Network): boolean =>
  contains(network, { ...address, prefix: address.bits });

export const isPrivate = (network: Network): boolean => PRIVATE.some((range) => contains(range, network));
