/**
 * How much of a processor `work` takes, ms. For what must not grow with the square of its input, whoever else is
 * busy on the machine: what this thread waits for does not count.
 */
export function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
