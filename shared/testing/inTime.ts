/** The same, but it fails, naming `what`, after `ms`. What is under way is left to itself. */
export const inTime = async <T>(what: string, promise: Promise<T>, ms: number): Promise<T> => {
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLate.reject(new Error(`${what} takes more than ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
};
