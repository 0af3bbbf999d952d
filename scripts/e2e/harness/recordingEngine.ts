import type { ContainerCreateOptions } from "dockerode";

/** An engine that has every image and refuses every container, for the sake of what it was asked for. */
export interface RecordingEngine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  address: string;
  /** Bodies of `POST /containers/create`, in order. */
  created: ContainerCreateOptions[];
}

export interface RecordingEngineOptions {
  /** Where its socket is to be. */
  socket: string;
  /** Of its version: `Podman Engine`, `Engine`. */
  name?: string;
  /** What it says to a container; nobody waits for one that it refuses. */
  refuse?: (asked: ContainerCreateOptions) => string;
}

export const startRecordingEngine = (options: RecordingEngineOptions): RecordingEngine => {
  const { socket, name = "Engine", refuse = () => "refused, after it was written down" } = options;
  const created: ContainerCreateOptions[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.replace(/^\/v[\d.]+/, "");
    if (path === "/info")
      return Response.json({
        ServerVersion: "28.2.2",
        DockerRootDir: "/",
        NCPU: 16,
        MemTotal: 64 * 1024 ** 3,
      });
    if (path === "/version") return Response.json({ Components: [{ Name: name, Version: "28.2.2" }] });
    if (path === "/containers/json") return Response.json([]);
    if (/^\/images\/.+\/json$/.test(path))
      return Response.json({ Id: "sha256:1", Config: { WorkingDir: "/" } });
    if (path !== "/containers/create") return Response.json({ message: "no such thing" }, { status: 404 });
    const asked = (await request.json()) as ContainerCreateOptions;
    created.push(asked);
    return Response.json({ message: refuse(asked) }, { status: 500 });
  };
  const server = Bun.serve({ unix: socket, fetch: answer });
  return {
    address: `unix://${socket}`,
    created,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};
