const FORM = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/** A submission's id in the form by which SSH knows a job: without dashes (docs/spec/agent.md §3). */
export const upstreamIdOf = (submissionId: string): string => submissionId.replaceAll("-", "");

export const readUpstreamId = (id: string): string | undefined => FORM.exec(id)?.slice(1).join("-");
