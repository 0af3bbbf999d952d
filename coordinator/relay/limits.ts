/** What people may have of tunnels, and of the coordinator's memory (docs/on-prem.md). */
export interface TunnelLimits {
  streamsPerLink: number;
  linksPerUser: number;
  links: number;
  streamsPerUser: number;
  streams: number;
  /** Of one user; several times as many at once. */
  opensPerSecond: number;
  /** What may wait here for readers that are slower than what they read from. */
  memoryBytes: number;
  memoryBytesPerUser: number;
  /** A stream in which nothing moved for so long is ended; 0: never. */
  idleMs: number;
  /** How long a link, or a stream, may last at all; 0: for ever. */
  longestMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_TUNNEL_LIMITS: TunnelLimits = {
  streamsPerLink: 1_000,
  linksPerUser: 64,
  links: 5_000,
  streamsPerUser: 2_000,
  streams: 20_000,
  opensPerSecond: 1_000,
  memoryBytes: 1024 * MIB,
  memoryBytesPerUser: 256 * MIB,
  idleMs: 24 * 3_600_000,
  longestMs: 0,
};
