import type { SshRights, SshStep } from "../../shared/api/fleets.ts";

export interface SshAddress {
  hostname: string;
  port: number;
  user: string;
}

/** What is known of bringing a host in by SSH; nothing of it is secret. */
export interface SshInstance extends SshAddress {
  /** The host to go through; null: none. */
  jump: SshAddress | null;
  /** Which of its addresses other nodes are told: this one, or the first in this network; both null: the host's first. */
  internal_ip: string | null;
  network: string | null;
  /** `ssh-ed25519 AAAA…`, as it was when the host was connected to for the first time. */
  host_key: string | null;
  jump_host_key: string | null;
  step: SshStep;
  /** How often it was tried. */
  attempts: number;
  /** Why the last try failed, and what to do. */
  error: string | null;
  /** Where its agent finds the coordinator on the host itself, by a login that is held; absent: it reaches it by itself. */
  carried_port?: number | null;
  /** What opens it stays, sealed, so that it can be installed anew; absent: it is forgotten once the host is in. */
  keeps_key?: boolean | null;
  /** As whom the agent was installed there; null: it was not yet. */
  rights: SshRights | null;
}
