import type Docker from "dockerode";

/**
 * Creates a container with the specification in the request's body alone. dockerode would put all of it, the job's
 * secrets too, into the address as well: there it is logged, and engines refuse a large one with status 431.
 */
export const createContainer = (
  docker: Docker,
  { name, ...body }: Docker.ContainerCreateOptions,
): Promise<Docker.Container> => {
  // Of docker-modem, whose types do not tell of them.
  const request: unknown = { _query: name === undefined ? {} : { name }, _body: body };
  return docker.createContainer(request as Docker.ContainerCreateOptions);
};
