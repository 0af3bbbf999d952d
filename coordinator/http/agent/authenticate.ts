import type { Clock } from "../../../shared/clock.ts";
import { AppError } from "../../../shared/errors.ts";
import { AGENT_PROTOCOL, AGENT_PROTOCOL_HEADER } from "../../../shared/protocol/version.ts";
import { VERSION } from "../../../shared/version.ts";
import type { Engine } from "../../engine/engine.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { hashToken } from "../../store/tokens.ts";

const BEARER = /^Bearer ([\x21-\x7e]{1,500})$/;

/** Refuses an agent whose protocol this coordinator does not speak, and says which side is to be upgraded. */
export const checkProtocol = (headers: Headers): void => {
  const text = headers.get(AGENT_PROTOCOL_HEADER) ?? "";
  if (text === String(AGENT_PROTOCOL)) return;
  const older = Number(text) > AGENT_PROTOCOL ? "coordinator" : "agent";
  throw new AppError(
    "unsupported",
    `The agent speaks protocol "${text}", the coordinator (${VERSION}) protocol ${AGENT_PROTOCOL}`,
    { hint: `Upgrade the ${older}` },
  );
};

interface Authentication {
  clock: Clock;
  engine: Pick<Engine, "findInstanceByCredential">;
}

/** The instance whose credential the request carries. Agents answer `unauthenticated` by enrolling again. */
export const authenticateAgent = ({ clock, engine }: Authentication, headers: Headers): InstanceRow => {
  const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
  const hash = token === undefined ? undefined : hashToken(token);
  const instance = hash === undefined ? undefined : engine.findInstanceByCredential(hash);
  const expiresAt =
    instance?.credential_hash === hash
      ? instance?.credential_expires_at
      : instance?.previous_credential_expires_at;
  if (!instance || (expiresAt ?? 0) <= clock.now())
    throw new AppError("unauthenticated", "The credential is not known, has expired or was revoked");
  return instance;
};
