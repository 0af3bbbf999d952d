import type { EntityReference } from "../../../shared/config/reference.ts";

/** From whose side fleets are named: a name alone is of the project's own, `project/name` of any that it may use. */
export interface Viewer {
  projectId: string;
  /** In lower case; undefined: there is no such project. */
  nameOf(projectId: string): string | undefined;
}

interface Named {
  name: string;
  projectId: string;
}

/** Is this the fleet that is meant? Without a viewer, all are of one project. */
export const isNamed = (reference: EntityReference, fleet: Named, viewer: Viewer | undefined): boolean => {
  if (reference.name !== fleet.name) return false;
  if (!viewer) return true;
  if (reference.project === null) return fleet.projectId === viewer.projectId;
  return reference.project.toLowerCase() === viewer.nameOf(fleet.projectId);
};
