declare module "ssh2/lib/protocol/utils.js" {
  /** `isUrgent`: also while keys are exchanged. */
  export function sendPacket(protocol: object, packet: Uint8Array, isUrgent?: boolean): boolean;
}
