/** Names of the images that jobs without `image` run in (docs/spec/agent.md §2.9). */
export interface DefaultImages {
  /** Repository of the default image, e.g. `dstackai/base`. */
  base: string;
  version: string;
  ubuntu: string;
  /** Image of `docker: true`. */
  dind: string;
}

export const DEFAULT_IMAGES: DefaultImages = {
  base: "dstackai/base",
  version: "0.16",
  ubuntu: "24.04",
  dind: "dstackai/dind",
};

/** What a job says about its image: its own properties, or those of its service and its group together. */
export interface ImageChoice {
  image: string | null;
  docker: boolean | null;
  nvcc: boolean | null;
}

export const imageName = ({ image, docker, nvcc }: ImageChoice, images: DefaultImages): string => {
  if (docker) return images.dind;
  return image ?? `${images.base}:${images.version}-${nvcc ? "devel" : "base"}-ubuntu${images.ubuntu}`;
};

/**
 * Shell text that makes the default image's Python ready: an environment of the wanted version, active for this and
 * every later login shell. The image prepares uv, sudo and the profile that logins read.
 */
export const setupPython = (version: string): string =>
  [
    `export DSTACK_VENV_DIR=/dstack/venv`,
    `echo "export DSTACK_VENV_DIR=$DSTACK_VENV_DIR" | sudo tee -a /dstack/profile > /dev/null`,
    `sudo rm -rf "$DSTACK_VENV_DIR"`,
    `sudo install -d -o "$(id -u)" -g "$(id -g)" "$DSTACK_VENV_DIR"`,
    `uv venv -q --seed --prompt dstack -p ${version} "$DSTACK_VENV_DIR"`,
    `echo '. "$DSTACK_VENV_DIR/bin/activate"' | sudo tee -a /dstack/profile > /dev/null`,
    `. "$DSTACK_VENV_DIR/bin/activate"`,
  ].join(" && ");
