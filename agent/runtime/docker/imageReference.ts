/** An image's name as `POST /images/create` takes it (docs/spec/agent.md §2.3). */
export interface ImageReference {
  fromImage: string;
  /** Tag or digest. */
  tag: string;
}

/** A colon before the last slash belongs to the registry's port: `registry:5000/image` has no tag. */
export const parseImageReference = (image: string): ImageReference => {
  const [name = "", digest] = image.split("@", 2);
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const fromImage = tag === undefined ? name : name.slice(0, -tag.length - 1);
  return { fromImage, tag: digest ?? tag ?? "latest" };
};

/** `latest` means what the registry has now; any other tag is taken as it lies here. */
export const isFloating = (image: string): boolean => parseImageReference(image).tag === "latest";

/**
 * `[host[:port]/]path[:tag][@digest]`, as loose as the engine's own rule allows, which has the last word; but nothing
 * that would mean something else in the address of a request.
 */
export const isImageName = (image: string): boolean =>
  /^[\w[][\w.:[\]/-]*(@[\w+.-]+:[0-9a-fA-F]+)?$/.test(image) &&
  !image.split("/").some((part) => /^\.*$/.test(part));
