import { z } from "zod";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, isMapping, parseInteger, parseText, quote } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";
import { isPrivate, parseAddress, parseNetwork } from "./address.ts";

export const parseBlocks = (input: unknown): number | "auto" => {
  if (input === "auto") return "auto";
  return integerBetween(1)(input);
};

const parsePrivateNetwork = (input: unknown): string => {
  const network = typeof input === "string" ? parseNetwork(input) : undefined;
  if (!network) return refuse("invalid_value", `Expected a network like 10.0.0.0/16, got ${quote(input)}`);
  if (!isPrivate(network)) return refuse("invalid_value", `The network ${quote(input)} is not private`);
  return input as string;
};

const parsePrivateAddress = (input: unknown): string => {
  const address = typeof input === "string" ? parseAddress(input) : undefined;
  if (!address) return refuse("invalid_value", `Expected an IP address, got ${quote(input)}`);
  if (!isPrivate({ ...address, prefix: address.bits })) {
    return refuse("invalid_value", `The address ${quote(input)} is not private`);
  }
  return input as string;
};

/** Filled by the client from `identity_file`. */
export const SshKey = object({ public: field(parseText), private: optionalField(parseText) });
export type SshKey = z.infer<typeof SshKey>;

const ProxyJump = object({
  hostname: field(parseText),
  port: optionalField(parseInteger),
  user: field(parseText),
  identity_file: field(parseText),
  ssh_key: orNull(SshKey),
});

const Host = object({
  hostname: field(parseText),
  port: optionalField(parseInteger),
  user: optionalField(parseText),
  identity_file: optionalField(parseText),
  proxy_jump: orNull(ProxyJump),
  internal_ip: optionalField(parsePrivateAddress),
  ssh_key: orNull(SshKey),
  blocks: optionalField(parseBlocks),
});

const Hostname = field((input) => (isMapping(input) ? refuseShape("a host name", input) : parseText(input)));

/** The hosts of a fleet and how they are reached (docs/spec/configuration.md §5). */
export const SshConfig = object({
  user: optionalField(parseText),
  port: optionalField(parseInteger),
  identity_file: optionalField(parseText),
  ssh_key: orNull(SshKey),
  proxy_jump: orNull(ProxyJump),
  hosts: z.array(oneShape([Hostname, Host], (input) => (isMapping(input) ? 1 : 0))),
  network: optionalField(parsePrivateNetwork),
});
export type SshConfig = z.infer<typeof SshConfig>;
