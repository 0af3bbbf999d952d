import type { SshRights, SshStep } from "../../shared/api/fleets.ts";

/** What opens a host. It lives sealed in the store, in the clear only here, and no longer than the host is on its way. */
export interface HostSecrets {
  /** Private key, as the client read it. */
  key: string;
  jumpKey: string | null;
  /** For `sudo`; null: none was given. */
  sudoPassword: string | null;
}

/** Where to log in. */
export interface Login {
  hostname: string;
  port: number;
  user: string;
  key: string;
  /** `ssh-ed25519 AAAA…` of an earlier time; null: whatever it says now is believed. */
  knownKey: string | null;
}

/** A host that is to be brought into its fleet. */
export interface HostTarget {
  login: Login;
  jump: Login | null;
  sudoPassword: string | null;
  /** Where the coordinator is for the host. */
  url: string;
  /** Good for the host's own instance. */
  token: string;
  /** Where its agent finds the coordinator on the host itself, since an earlier try; null: it was not carried yet. */
  carriedPort: number | null;
  /** What the fleet's `env` has for the agent itself: proxies, and where its engine is. */
  env: Readonly<Record<string, string>>;
}

/** What became known on the way; stored before the next step. */
export interface HostProgress {
  step?: SshStep;
  hostKey?: string;
  jumpHostKey?: string;
  rights?: SshRights;
  /** It cannot reach the coordinator but by a login that is held. */
  carriedPort?: number;
}

/**
 * Installs the agent on a host, from whatever state it is in; resolves once it is started there. Refusals are AppErrors
 * that name the step and what to do: `unavailable` where another try may help, any other code where none will.
 */
export type BringIn = (
  target: HostTarget,
  options: { note: (progress: HostProgress) => Promise<void>; signal: AbortSignal },
) => Promise<void>;
