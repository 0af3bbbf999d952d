/** Said of a job of which the kernel has killed a process for want of memory; `limitMib`: what it was given. */
export const outOfMemory = (limitMib: number | null | undefined): string => {
  const limit = limitMib ? `its limit of ${limitMib} MiB of memory` : "the memory that there is";
  return `Out of memory: the job needed more than ${limit}, and the kernel killed a process of it`;
};
