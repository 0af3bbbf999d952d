import { z } from "zod";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { accepts, either, formOf, type JsonSchema, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, isMapping, parseInteger, parseText, quote } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";
import { isPrivate, parseAddress, parseNetwork } from "./address.ts";

const atLeastOne = integerBetween(1);

export const parseBlocks = accepts(
  either("integer or auto", { const: "auto" }, (formOf(atLeastOne) ?? {}) as JsonSchema),
  (input: unknown): number | "auto" => (input === "auto" ? "auto" : atLeastOne(input)),
);

const parsePrivateNetwork = accepts(
  { title: "network", type: "string", examples: ["10.0.0.0/16"] },
  (input: unknown): string => {
    const network = typeof input === "string" ? parseNetwork(input) : undefined;
    if (!network) return refuse("invalid_value", `Expected a network like 10.0.0.0/16, got ${quote(input)}`);
    if (!isPrivate(network)) return refuse("invalid_value", `The network ${quote(input)} is not private`);
    return input as string;
  },
);

const parsePrivateAddress = accepts(
  { title: "address", type: "string", examples: ["10.0.0.7"] },
  (input: unknown): string => {
    const address = typeof input === "string" ? parseAddress(input) : undefined;
    if (!address) return refuse("invalid_value", `Expected an IP address, got ${quote(input)}`);
    if (!isPrivate({ ...address, prefix: address.bits })) {
      return refuse("invalid_value", `The address ${quote(input)} is not private`);
    }
    return input as string;
  },
);

/** Filled by the client from `identity_file`. */
const SshKey = object(
  { public: field(parseText), private: optionalField(parseText) },
  {
    about: { public: "The public key.", private: "The private key." },
  },
);

const aboutKey = "Filled by the client from `identity_file`.";

const ProxyJump = object(
  {
    hostname: field(parseText),
    port: optionalField(parseInteger),
    user: field(parseText),
    identity_file: field(parseText),
    ssh_key: orNull(SshKey),
  },
  {
    about: {
      hostname: "The host to go through.",
      port: "Unset: 22.",
      user: "The user there.",
      identity_file: "The private key for it.",
      ssh_key: aboutKey,
    },
  },
);

const Host = object(
  {
    hostname: field(parseText),
    port: optionalField(parseInteger),
    user: optionalField(parseText),
    identity_file: optionalField(parseText),
    proxy_jump: orNull(ProxyJump),
    internal_ip: optionalField(parsePrivateAddress),
    ssh_key: orNull(SshKey),
    blocks: optionalField(parseBlocks),
  },
  {
    about: {
      hostname: "The host's name or address.",
      port: "Unset, the fleet's, else 22.",
      user: "Unset, the fleet's.",
      identity_file: "The private key. Unset, the fleet's.",
      proxy_jump: "A host to go through. Unset, the fleet's.",
      internal_ip:
        "The host's address in the network of the fleet; for all hosts or none, and not with `network`.",
      ssh_key: aboutKey,
      blocks: "Into how many parts the host can be divided, or `auto`. Unset, the fleet's.",
    },
  },
);

const Hostname = field(
  accepts(TEXT, (input: unknown) =>
    isMapping(input) ? refuseShape("a host name", input) : parseText(input),
  ),
);

/** The hosts of a fleet and how they are reached (docs/spec/configuration.md §5). */
export const SshConfig = object(
  {
    user: optionalField(parseText),
    port: optionalField(parseInteger),
    identity_file: optionalField(parseText),
    ssh_key: orNull(SshKey),
    proxy_jump: orNull(ProxyJump),
    hosts: z.array(oneShape([Hostname, Host], (input) => (isMapping(input) ? 1 : 0))),
    network: optionalField(parsePrivateNetwork),
  },
  {
    about: {
      user: "The user on the hosts.",
      port: "The SSH port of the hosts. Unset: 22.",
      identity_file: "The private key for the hosts.",
      ssh_key: aboutKey,
      proxy_jump: "A host to go through.",
      hosts: "The hosts, by name or address, or as mappings.",
      network: "The network in which the hosts reach each other; a private one.",
    },
  },
);
export type SshConfig = z.infer<typeof SshConfig>;
