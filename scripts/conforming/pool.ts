/** Hosts of the fleet `pool`, one each. Up to four cases run at a time, and none has more than two of them. */
export const POOL_HOSTS = 8;
