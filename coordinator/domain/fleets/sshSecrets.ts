import { z } from "zod";
import type { HostSecrets } from "../../hosts/target.ts";
import type { SecretBox } from "../../store/secretBox.ts";

const Sealed = z.object({
  key: z.string(),
  jumpKey: z.string().nullable(),
  sudoPassword: z.string().nullable(),
}) satisfies z.ZodType<HostSecrets>;

export const sealSecrets = (box: SecretBox, secrets: HostSecrets): string =>
  box.seal(JSON.stringify(Sealed.parse(secrets)));

export const openSecrets = (box: SecretBox, sealed: string): HostSecrets =>
  Sealed.parse(JSON.parse(box.open(sealed)));
