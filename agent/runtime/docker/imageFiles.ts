import type Docker from "dockerode";
import { extract } from "tar-stream";
import { statusOf } from "./client.ts";
import { parseGroup, parsePasswd } from "./passwd.ts";

const MAX_FILE_BYTES = 1024 * 1024;

/** Who an image knows: read from a container of it that never starts. */
export const readImageUsers = async (docker: Docker, image: string, labels: Record<string, string>) => {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ["/"],
    Cmd: [],
    Labels: labels,
  });
  try {
    const [passwd, group] = await Promise.all([
      readFile(container, "/etc/passwd"),
      readFile(container, "/etc/group"),
    ]);
    return { passwd: parsePasswd(passwd), group: parseGroup(group) };
  } finally {
    await container.remove({ force: true, v: true });
  }
};

/** A small text file of a container; empty where it is missing, or no plain file. */
const readFile = async (container: Docker.Container, path: string): Promise<string> => {
  try {
    const archive = await container.getArchive({ path });
    const entries = extract();
    archive.pipe(entries);
    let text = "";
    for await (const entry of entries) {
      for await (const chunk of entry) if (text.length < MAX_FILE_BYTES) text += String(chunk);
    }
    return text;
  } catch (err) {
    if (statusOf(err) === 404) return "";
    throw err;
  }
};
