import { posix } from "node:path";
import { pipeline } from "node:stream";
import type Docker from "dockerode";
import { extract, pack } from "tar-stream";
import { statusOf } from "./client.ts";
import { createContainer } from "./createContainer.ts";
import { type JobUser, parseGroup, parsePasswd } from "./passwd.ts";

const MAX_FILE_BYTES = 1024 * 1024;

/** Calls with a container of the image that never starts, in which its files can be looked at. */
export const withImageFiles = async <T>(
  docker: Docker,
  spec: Docker.ContainerCreateOptions,
  look: (files: Docker.Container) => Promise<T>,
): Promise<T> => {
  const container = await createContainer(docker, { ...spec, Entrypoint: ["/"], Cmd: [] });
  try {
    return await look(container);
  } finally {
    await container.remove({ force: true, v: true });
  }
};

/** Who the image knows. */
export const readUsers = async (files: Docker.Container) => {
  const [passwd, group] = await Promise.all([readFile(files, "/etc/passwd"), readFile(files, "/etc/group")]);
  return { passwd: parsePasswd(passwd), group: parseGroup(group) };
};

/** A small text file; empty where it is missing, or no plain file. */
const readFile = async (files: Docker.Container, path: string): Promise<string> => {
  try {
    const entries = extract();
    // What goes wrong on the way is thrown where the entries are read.
    pipeline(await files.getArchive({ path }), entries, () => {});
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

/** Those of `path` and the folders above it that the image does not have, the uppermost first. */
export const missingFolders = async (files: Docker.Container, path: string): Promise<string[]> => {
  const missing: string[] = [];
  for (let folder = path; folder !== "/" && !(await exists(files, folder)); folder = posix.dirname(folder))
    missing.unshift(folder);
  return missing;
};

/** Whether the image has a file or folder there. */
export const exists = async (files: Docker.Container, path: string): Promise<boolean> => {
  try {
    await files.infoArchive({ path });
    return true;
  } catch (err) {
    if (statusOf(err) === 404) return false;
    throw err;
  }
};

/** Whether the image has a folder there that holds something. Not more of it is read than tells that. */
export const holdsSomething = async (
  files: Docker.Container,
  path: string,
  counts: (name: string) => boolean,
): Promise<boolean> => {
  if (!(await exists(files, path))) return false;
  const stream = await files.getArchive({ path });
  const entries = extract();
  pipeline(stream, entries, () => {});
  try {
    for await (const { header, resume } of entries) {
      const [, inside] = header.name.split("/");
      if (inside !== undefined && inside !== "" && counts(inside)) return true;
      resume();
    }
    return false;
  } finally {
    entries.destroy();
  }
};

/** Makes folders in a container that has not started; those that are there already change their owner. */
export const putFolders = async (
  container: Docker.Container,
  folders: readonly string[],
  owner: JobUser,
): Promise<void> => {
  const archive = pack();
  for (const folder of folders)
    archive.entry({
      name: `${folder.slice(1)}/`,
      type: "directory",
      mode: 0o755,
      uid: owner.uid,
      gid: owner.gid,
    });
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  await container.putArchive(Buffer.concat(chunks), { path: "/" });
};
